import type { Dialect } from '../chat';
import { anthropic } from './anthropic';
import type { DialectFormat } from './dialect';
import { native } from './native';
import { openai } from './openai';

export const dialects: Record<Dialect, DialectFormat> = { native, openai, anthropic };
