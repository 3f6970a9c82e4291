/** OpenAI's chat completions, as its official SDKs speak them. */
import type { IDataObject } from 'n8n-workflow';

import type { Answer, ChatItem, ChatRequest, Failure } from '../chat';
import { isToolUse } from '../chat';
import type { Body } from '../fields';
import { bad, object, optionalFlag, optionalInteger, optionalLabel, optionalNumber, optionalText, refuseUnknown, textList } from '../fields';
import { Refusal } from '../refusal';
import type { Asked, DialectFormat } from './dialect';
import { checkConversation, providerStatus } from './dialect';
import { promptTokens } from './native';
import { readConversation } from './openai-messages';
import { readToolChoice, readTools } from './openai-tools';

const FIELDS = [
	'model', 'messages', 'max_tokens', 'max_completion_tokens', 'temperature', 'stop', 'user', 'safety_identifier', 'stream',
	'stream_options', 'tools', 'tool_choice', 'parallel_tool_calls', 'response_format',
];
/** Labels and hints for the provider's own side, which change nothing about the answer. */
const HARMLESS = ['metadata', 'prompt_cache_key', 'prompt_cache_retention'];
/** Fields that cannot be told to every model, with the values that change nothing. */
const USUAL: Record<string, unknown[]> = {
	audio: [],
	frequency_penalty: [0],
	function_call: [],
	functions: [],
	logit_bias: [{}],
	logprobs: [false],
	modalities: [['text']],
	moderation: [],
	n: [1],
	prediction: [],
	presence_penalty: [0],
	reasoning_effort: [],
	seed: [],
	service_tier: ['auto', 'default'],
	store: [false],
	top_logprobs: [0],
	top_p: [1],
	verbosity: ['medium'],
	web_search_options: [],
};

function parse(body: Body): Asked {
	refuseUnknown(body, [...FIELDS, ...HARMLESS, ...Object.keys(USUAL)]);
	refuseUnusual(body);
	const { messages, system } = readConversation(body.messages);
	checkConversation(messages, system, 'messages');
	const tools = readTools(body.tools);
	return {
		model: optionalText(body, 'model', 100) || 'auto',
		messages,
		system,
		max_tokens: optionalInteger(body, 'max_completion_tokens', 1, 1_000_000) ?? optionalInteger(body, 'max_tokens', 1, 1_000_000),
		temperature: optionalNumber(body, 'temperature', 0, 2),
		stop: textList(body, 'stop', 4),
		tools,
		tool_choice: readToolChoice(body, tools),
		json: readFormat(body.response_format),
		extras: {},
		...streaming(body),
		user: optionalLabel(body, 'user') ?? optionalLabel(body, 'safety_identifier'),
		tags: [],
	};
}

/** What is taken and then not used would be dropped in silence: only values that change nothing are taken. */
function refuseUnusual(body: Body): void {
	for (const [field, usual] of Object.entries(USUAL)) {
		const value = body[field] ?? null;
		if (value === null || usual.some((one) => JSON.stringify(one) === JSON.stringify(value))) continue;
		throw new Refusal(400, 'unsupported_parameter', `${field}: ${INSTEAD[field] ?? 'this value is not supported here'}`, field);
	}
}

const INSTEAD: Record<string, string> = {
	functions: 'is not supported here; use tools',
	function_call: 'is not supported here; use tool_choice',
};

function readFormat(given: unknown): ChatRequest['json'] {
	if (given === undefined || given === null) return null;
	const { type, json_schema } = object(given, 'response_format');
	if (type === 'text') return null;
	if (type === 'json_object') return { schema: null };
	if (type !== 'json_schema') throw bad('response_format.type', 'must be text, json_object or json_schema');
	const { schema } = object(json_schema, 'response_format.json_schema');
	return { schema: object(schema, 'response_format.json_schema.schema') as IDataObject };
}

function streaming({ stream_options, ...body }: Body): Pick<Asked, 'stream' | 'include_usage'> {
	const stream = optionalFlag(body, 'stream');
	if (stream_options === undefined || stream_options === null) return { stream, include_usage: false };
	if (!stream) throw bad('stream_options', 'is for requests with stream: true');
	const options = object(stream_options, 'stream_options');
	// include_obfuscation only pads a stream's chunks.
	const unknown = Object.keys(options).find((name) => !['include_usage', 'include_obfuscation'].includes(name));
	if (unknown) throw bad(`stream_options.${unknown.slice(0, 100)}`, 'is not supported here');
	return { stream, include_usage: optionalFlag(options, 'include_usage') };
}

/** OpenAI's word for why an answer ended. */
export function finishReason(answer: Pick<Answer, 'content' | 'stop_reason'> | undefined): string {
	if (answer?.content.some(isToolUse)) return 'tool_calls';
	return FINISH_REASONS[answer?.stop_reason ?? ''] ?? 'stop';
}

const FINISH_REASONS: Record<string, string> = {
	max_tokens: 'length',
	length: 'length',
	model_context_window_exceeded: 'length',
	refusal: 'content_filter',
};

function answer(item: ChatItem): IDataObject {
	const { answer: given } = item;
	return {
		id: `chatcmpl-${item.request_id}`,
		object: 'chat.completion',
		created: Math.floor(item.received_at / 1000),
		model: given?.model,
		choices: [{ index: 0, message: message(given), logprobs: null, finish_reason: finishReason(given) }],
		usage: usage(item),
		hybrid_ai: about(item),
	};
}

function message(given: Answer | undefined): IDataObject {
	const calls = (given?.content ?? []).filter(isToolUse);
	if (calls.length === 0) return { role: 'assistant', content: given?.text ?? '', refusal: null };
	const tool_calls = calls.map(({ id, name, input }) => ({ id, type: 'function', function: { name, arguments: JSON.stringify(input) } }));
	return { role: 'assistant', content: given?.text || null, refusal: null, tool_calls };
}

/** The usage of an answered request, cached tokens counted in the prompt. */
export function usage(item: ChatItem): IDataObject {
	const input = promptTokens(item);
	const output = item.answer?.usage.output_tokens ?? 0;
	return {
		prompt_tokens: input,
		completion_tokens: output,
		total_tokens: input + output,
		prompt_tokens_details: { cached_tokens: item.answer?.usage.cache_read_tokens ?? 0 },
	};
}

/** What the stack says beside the provider's own words: where the answer came from, and its cost. */
export function about({ answer: given, cost, route }: ChatItem): IDataObject {
	return { backend: given?.backend, cost: cost ?? null, complexity: route?.complexity, reasoning: route?.reasoning };
}

const TYPES: Record<number, string> = {
	401: 'authentication_error',
	402: 'insufficient_quota',
	403: 'permission_error',
	429: 'rate_limit_error',
};

function failure(given: Failure & { field?: string | null }): IDataObject {
	const status = providerStatus(given);
	return {
		error: {
			message: given.message,
			type: TYPES[status] ?? (status < 500 ? 'invalid_request_error' : 'server_error'),
			param: given.field ?? null,
			code: given.code === 'unknown_model' ? 'model_not_found' : given.code,
		},
	};
}

export const openai: DialectFormat = { parse, answer, failure, status: providerStatus };
