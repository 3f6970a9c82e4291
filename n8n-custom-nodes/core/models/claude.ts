/** What Claude is asked over the Messages API, and what it answers. */
import type { IDataObject } from 'n8n-workflow';

import { answerLimit, modelFailure } from '../ask';
import type { Answer, Block, ChatItem, ChatRequest, Message, Target, Tool, Usage } from '../chat';
import { textOf } from '../chat';
import { Refusal } from '../refusal';

const API_VERSION = '2023-06-01';

/** The body of a request, besides what the caller's extras add. */
export interface ClaudeBody {
	model: string;
	max_tokens: number;
	messages: Message[];
	system?: string | Block[];
	stop_sequences?: string[];
	tools?: Tool[];
	tool_choice?: IDataObject;
	[extra: string]: unknown;
}

export interface ClaudeMessage {
	content?: Block[];
	stop_reason?: string | null;
	stop_sequence?: string | null;
	usage?: ClaudeUsage;
}

export interface ClaudeUsage {
	input_tokens?: number;
	output_tokens?: number;
	cache_read_input_tokens?: number | null;
	cache_creation_input_tokens?: number | null;
	cache_creation?: { ephemeral_5m_input_tokens?: number; ephemeral_1h_input_tokens?: number } | null;
}

/** The headers of a request; throws Refusal (503) where there is no key. */
export function claudeHeaders(apiKey: string, betas: string | null): Record<string, string> {
	if (!apiKey) {
		throw new Refusal(503, 'cloud_not_configured', 'No key for Claude: set ANTHROPIC_API_KEY and start the stack again.');
	}
	return { 'x-api-key': apiKey, 'anthropic-version': API_VERSION, ...(betas ? { 'anthropic-beta': betas } : {}) };
}

/**
 * The body that asks `target` for at most `limit` tokens. A temperature goes along only where the caller
 * speaks this API: current Claude models refuse any but their own.
 */
export function claudeBody(item: ChatRequest, target: Target, limit: number): ClaudeBody {
	return {
		...item.extras,
		model: target.model_id,
		max_tokens: limit,
		messages: item.messages,
		system: systemText(item),
		stop_sequences: item.stop.length > 0 ? item.stop : undefined,
		tools: item.tools.length > 0 ? toolsOf(item) : undefined,
		tool_choice: item.tool_choice ?? undefined,
		...outputFormat(item),
	};
}

/** Never a longer answer than what was reserved, nor one of a model that it was not reserved for. */
export function paidLimit(item: ChatItem, target: Target, preset: number): number {
	const limit = answerLimit(item, target, preset);
	const { reservation } = item;
	if (!reservation) return limit;
	if (reservation.model !== target.model) {
		const message = `${target.model} was not asked: the budget was reserved for ${reservation.model}. Put a Reserve Budget node before it.`;
		throw new Refusal(503, 'not_reserved', message);
	}
	return Math.min(limit, reservation.max_output_tokens);
}

/** The system text, in the shape that it came in, with the call for JSON where no field says it. */
function systemText(item: ChatRequest): string | Block[] | undefined {
	const given = (item.extras.system as Block[] | undefined) ?? item.system ?? undefined;
	const instruction = jsonInstruction(item);
	if (!instruction) return given;
	if (Array.isArray(given)) return [...given, { type: 'text', text: instruction }];
	return given ? `${given}\n\n${instruction}` : instruction;
}

function jsonInstruction(item: ChatRequest): string | null {
	const { json } = item;
	if (!json || hasFormat(item) || fitsGrammar(json.schema)) return null;
	const only = 'Answer with one JSON document only: no words around it, no code fence.';
	return json.schema ? `${only} It must fit this JSON Schema:\n${JSON.stringify(json.schema)}` : only;
}

function outputFormat(item: ChatRequest): { output_config?: IDataObject } {
	if (!item.json || hasFormat(item) || !fitsGrammar(item.json.schema)) return {};
	return { output_config: { format: { type: 'json_schema', schema: item.json.schema } } };
}

/** Whether the caller said it in this API's own words. */
function hasFormat({ extras }: ChatRequest): boolean {
	return Boolean((extras.output_config as IDataObject | undefined)?.format ?? extras.output_format);
}

/** Another dialect's strict tool whose schema the API would refuse to hold it to is told of without that word. */
function toolsOf({ dialect, tools }: ChatRequest): Tool[] {
	if (dialect === 'anthropic') return tools;
	return tools.map((tool) => (tool.strict && !fitsGrammar(tool.input_schema) ? { ...tool, strict: undefined } : tool));
}

const GRAMMAR_WORDS = new Set([
	'$schema', '$defs', '$ref', 'type', 'properties', 'required', 'additionalProperties', 'items', 'enum', 'const', 'anyOf',
	'description', 'title', 'default',
]);

/**
 * Whether the API's structured outputs take a schema, by its documented limits: closed objects, and none
 * of the words on sizes and patterns. What is not known to fit is asked for in words instead.
 */
export function fitsGrammar(schema: unknown): boolean {
	if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return false;
	const node = schema as IDataObject;
	if (!Object.keys(node).every((word) => GRAMMAR_WORDS.has(word))) return false;
	if ((node.type === 'object' || node.properties !== undefined) && node.additionalProperties !== false) return false;
	const named = [node.properties, node.$defs].flatMap((group) => Object.values((group ?? {}) as IDataObject));
	const alternatives = (node.anyOf ?? []) as unknown[];
	const items = node.items === undefined ? [] : [node.items];
	return [...named, ...alternatives, ...items].every(fitsGrammar);
}

const KNOWN = ['id', 'type', 'role', 'model', 'content', 'stop_reason', 'stop_sequence', 'usage'];

/** The answer in a message; throws Refusal (502) where its cost could not be known. */
export function readClaudeAnswer(message: ClaudeMessage, target: Target): Answer {
	if (!Array.isArray(message.content) || !message.usage) throw modelFailure(target, 502, 'not a message with usage');
	const details = Object.entries(message).filter(([field, value]) => !KNOWN.includes(field) && value !== null);
	return {
		text: textOf(message.content),
		content: message.content,
		model: target.model,
		model_id: target.model_id,
		backend: 'cloud',
		tier: target.tier,
		stop_reason: message.stop_reason ?? null,
		stop_sequence: message.stop_sequence ?? null,
		usage: readUsage(message.usage),
		provider_usage: message.usage as IDataObject,
		...(details.length > 0 ? { details: Object.fromEntries(details) as IDataObject } : {}),
	};
}

/** Writes that the provider does not split are 5-minute ones: the cheaper default of the API. */
export function readUsage(usage: ClaudeUsage): Usage {
	const written = usage.cache_creation_input_tokens ?? 0;
	const longWrites = usage.cache_creation?.ephemeral_1h_input_tokens ?? 0;
	return {
		input_tokens: usage.input_tokens ?? 0,
		output_tokens: usage.output_tokens ?? 0,
		cache_read_tokens: usage.cache_read_input_tokens ?? 0,
		cache_write_5m_tokens: usage.cache_creation?.ephemeral_5m_input_tokens ?? written - longWrites,
		cache_write_1h_tokens: longWrites,
	};
}

/** The words of the API's error document. */
export function claudeError(body: IDataObject): string {
	const error = body.error as { type?: string; message?: string } | undefined;
	return error?.message ?? error?.type ?? 'no reason given';
}
