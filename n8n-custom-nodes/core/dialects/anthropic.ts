/** Anthropic's Messages API, as its official SDKs speak it. */
import type { IDataObject } from 'n8n-workflow';

import type { Answer, ChatItem, ChatRequest, Failure, Try } from '../chat';
import { isToolUse } from '../chat';
import type { Body } from '../fields';
import { bad, object, optionalFlag, optionalInteger, optionalLabel, optionalNumber, optionalText, textList } from '../fields';
import { readMessages, readSystem, readTools } from './anthropic-messages';
import type { Asked, DialectFormat } from './dialect';
import { checkConversation, providerStatus } from './dialect';

/** What is read here; every other field goes to Claude as it came, or keeps the request from local models. */
const READ = ['model', 'messages', 'max_tokens', 'stop_sequences', 'tools', 'tool_choice', 'stream'];
const MAX_STOPS = 1_000;
/** The longest id of a user that the API takes, in characters. */
const USER_LENGTH = 256;
const PLACE_LENGTH = 64;

function parse(body: Body): Asked {
	if (body.max_tokens === undefined) throw bad('max_tokens', 'is required');
	return parseAsked(body);
}

/** Reads a body for counting its tokens, which has no `max_tokens`; throws Refusal. */
export function parseAsked(body: Body): Asked {
	if (body.messages === undefined) throw bad('messages', 'is required');
	// Its tokens cost more than the ledger's prices say: it would be booked, and reserved, too cheap.
	if (body.speed === 'fast') throw bad('speed', 'fast is not supported here');
	// The ledger has a price for it.
	optionalLabel(body, 'inference_geo', PLACE_LENGTH);
	const messages = readMessages(body.messages);
	const system = readSystem(body.system);
	checkConversation(messages, system, 'messages');
	return {
		model: optionalText(body, 'model', 100) || 'auto',
		messages,
		system,
		// With 0 the API fills its cache and answers nothing.
		max_tokens: optionalInteger(body, 'max_tokens', 0, 1_000_000),
		temperature: optionalNumber(body, 'temperature', 0, 2),
		stop: textList(body, 'stop_sequences', MAX_STOPS),
		tools: readTools(body.tools),
		tool_choice: readToolChoice(body.tool_choice),
		json: readFormat(body),
		extras: readExtras(body),
		stream: optionalFlag(body, 'stream'),
		include_usage: true,
		user: readUser(body.metadata),
		tags: [],
	};
}

function readExtras(body: Body): IDataObject {
	const given = Object.entries(body).filter(([field, value]) => !READ.includes(field) && value !== undefined);
	// A system text in one piece is in the request already.
	return Object.fromEntries(given.filter(([field, value]) => field !== 'system' || Array.isArray(value))) as IDataObject;
}

function readToolChoice(given: unknown): IDataObject | null {
	if (given === undefined || given === null) return null;
	const choice = object(given, 'tool_choice');
	if (!['auto', 'any', 'tool', 'none'].includes(choice.type as string)) throw bad('tool_choice.type', 'must be auto, any, tool or none');
	return choice as IDataObject;
}

function readFormat({ output_config, output_format }: Body): ChatRequest['json'] {
	const config = output_config === undefined || output_config === null ? {} : object(output_config, 'output_config');
	const format = (config.format ?? output_format) as Body | null | undefined;
	if (format === undefined || format === null) return null;
	const { type, schema } = object(format, 'output_config.format');
	if (type !== 'json_schema') throw bad('output_config.format.type', 'must be json_schema');
	return { schema: object(schema, 'output_config.format.schema') as IDataObject };
}

function readUser(metadata: unknown): string | null {
	if (metadata === undefined || metadata === null) return null;
	return optionalLabel(object(metadata, 'metadata'), 'user_id', USER_LENGTH);
}

function answer(item: ChatItem): IDataObject {
	const { answer: given, cost, route } = item;
	return {
		id: `msg_${item.request_id}`,
		type: 'message',
		role: 'assistant',
		model: given?.model,
		content: given?.content ?? [],
		stop_reason: stopReason(given),
		stop_sequence: given?.stop_sequence ?? null,
		usage: usage(given),
		...given?.details,
		hybrid_ai: { backend: given?.backend, cost: cost ?? null, complexity: route?.complexity, reasoning: route?.reasoning },
	};
}

/** Anthropic's word for why an answer ended; a local model's server has its own words. */
export function stopReason(given: Pick<Answer, 'content' | 'stop_reason'> | undefined): string {
	const reason = given?.stop_reason ?? 'stop';
	if (reason === 'length') return 'max_tokens';
	if (reason !== 'stop') return reason;
	return given?.content.some(isToolUse) ? 'tool_use' : 'end_turn';
}

/** Claude's own usage as it came, or a local model's counts in the same shape. */
export function usage(given: Answer | undefined): IDataObject {
	if (given?.provider_usage) return given.provider_usage;
	const counts = given?.usage;
	return {
		input_tokens: counts?.input_tokens ?? 0,
		output_tokens: counts?.output_tokens ?? 0,
		cache_creation_input_tokens: (counts?.cache_write_5m_tokens ?? 0) + (counts?.cache_write_1h_tokens ?? 0),
		cache_read_input_tokens: counts?.cache_read_tokens ?? 0,
	};
}

const TYPES: Record<number, string> = {
	401: 'authentication_error',
	402: 'billing_error',
	403: 'permission_error',
	404: 'not_found_error',
	413: 'request_too_large',
	429: 'rate_limit_error',
	503: 'overloaded_error',
	504: 'timeout_error',
};

function failure(given: Failure, ...[, requestId = null]: [tries?: Try[], requestId?: string | null]): IDataObject {
	const status = providerStatus(given);
	const type = TYPES[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error');
	return { type: 'error', error: { type, message: given.message, code: given.code }, request_id: requestId };
}

export const anthropic: DialectFormat = { parse, answer, failure, status: providerStatus };
