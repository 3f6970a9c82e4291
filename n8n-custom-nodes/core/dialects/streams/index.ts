import type { ChatRequest, Dialect } from '../../chat';
import { AnthropicStream } from './anthropic';
import type { Streamed, StreamEncoder } from './encoder';
import { NativeStream } from './native';
import { OpenAiStream } from './openai';

const encoders: Record<Dialect, (about: Streamed) => StreamEncoder> = {
	native: () => new NativeStream(),
	openai: (about) => new OpenAiStream(about),
	anthropic: (about) => new AnthropicStream(about),
};

/** What writes the answer to this request in its dialect's events. */
export function newEncoder(request: Pick<ChatRequest, 'dialect'> & Streamed): StreamEncoder {
	return encoders[request.dialect](request);
}
