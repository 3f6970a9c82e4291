/** OpenAI's chat completions, as its official SDKs speak them. */
import type { IDataObject } from 'n8n-workflow';

import type { ChatItem, Failure, Message } from '../chat';
import type { Body } from '../fields';
import { bad, optionalFlag, optionalInteger, optionalLabel, optionalNumber, optionalText, refuseUnknown, textList } from '../fields';
import { Refusal } from '../refusal';
import type { Asked, DialectFormat } from './dialect';
import { checkConversation } from './dialect';
import { promptTokens } from './native';

const FIELDS = [
	'model', 'messages', 'max_tokens', 'max_completion_tokens', 'temperature', 'stop', 'user', 'n', 'stream', 'stream_options',
	'store', 'metadata', 'response_format',
];
const SYSTEM_ROLES = ['system', 'developer'];

function parse(body: Body): Asked {
	refuseUnknown(body, FIELDS);
	refuseUnsupported(body);
	const all = messages(body.messages);
	const turns = all.filter((message) => message.role !== 'system');
	const system = all.filter((message) => message.role === 'system').map((message) => message.content).join('\n\n');
	checkConversation(turns, system, 'messages');
	return {
		model: optionalText(body, 'model', 100) || 'auto',
		messages: turns,
		system: system || null,
		max_tokens: optionalInteger(body, 'max_completion_tokens', 1, 1_000_000) ?? optionalInteger(body, 'max_tokens', 1, 1_000_000),
		temperature: optionalNumber(body, 'temperature', 0, 2),
		stop: textList(body, 'stop', 4),
		...streaming(body),
		user: optionalLabel(body, 'user'),
		tags: [],
	};
}

/** Fields whose usual value changes nothing are taken; any other value of them would be dropped in silence. */
function refuseUnsupported(body: Body): void {
	const format = body.response_format as { type?: unknown } | null | undefined;
	const changed = {
		n: (body.n ?? 1) !== 1,
		store: Boolean(body.store),
		response_format: (format?.type ?? 'text') !== 'text',
	};
	const refused = Object.entries(changed).find(([, isChanged]) => isChanged)?.[0];
	if (refused) throw new Refusal(400, 'unsupported_parameter', `${refused}: this value is not supported here`, refused);
}

function streaming(body: Body): Pick<Asked, 'stream' | 'include_usage'> {
	const stream = optionalFlag(body, 'stream') ?? false;
	const options = body.stream_options ?? null;
	if (options === null) return { stream, include_usage: false };
	if (!stream) throw bad('stream_options', 'is for requests with stream: true');
	if (typeof options !== 'object' || Array.isArray(options)) throw bad('stream_options', 'must be an object');
	// Obfuscation is padding against those who watch the line: a wish that may go unheard.
	refuseUnknown(options as Body, ['include_usage', 'include_obfuscation']);
	return { stream, include_usage: optionalFlag(options as Body, 'include_usage') ?? false };
}

function messages(value: unknown): Message[] {
	if (value === undefined) throw bad('messages', 'is required');
	if (!Array.isArray(value)) throw bad('messages', 'must be a list');
	return value.map((one: unknown, index) => {
		const field = `messages[${index}]`;
		if (typeof one !== 'object' || one === null) throw bad(field, 'must be an object');
		const { role, content } = one as Body;
		if (role !== 'user' && role !== 'assistant' && !SYSTEM_ROLES.includes(role as string)) {
			throw bad(`${field}.role`, 'must be system, developer, user or assistant');
		}
		return {
			role: SYSTEM_ROLES.includes(role as string) ? 'system' : (role as 'user' | 'assistant'),
			content: text(content, `${field}.content`),
		};
	});
}

function text(content: unknown, field: string): string {
	if (typeof content === 'string') return content;
	if (!Array.isArray(content)) throw bad(field, 'must be a string or a list of text parts');
	return content
		.map((part: unknown) => {
			const { type, text: piece } = (part ?? {}) as Body;
			if (type !== 'text' || typeof piece !== 'string') {
				throw new Refusal(400, 'unsupported_content', `${field}: only text parts are supported here`, field);
			}
			return piece;
		})
		.join('');
}

const FINISH_REASONS: Record<string, string> = { max_tokens: 'length', length: 'length', refusal: 'content_filter' };

function answer(item: ChatItem): IDataObject {
	const { answer: given, route } = item;
	const input = promptTokens(item);
	const output = given?.usage.output_tokens ?? 0;
	return {
		id: `chatcmpl-${item.request_id}`,
		object: 'chat.completion',
		created: Math.floor(item.received_at / 1000),
		model: given?.model,
		choices: [
			{
				index: 0,
				message: { role: 'assistant', content: given?.text ?? '', refusal: null },
				logprobs: null,
				finish_reason: FINISH_REASONS[given?.stop_reason ?? ''] ?? 'stop',
			},
		],
		usage: {
			prompt_tokens: input,
			completion_tokens: output,
			total_tokens: input + output,
			prompt_tokens_details: { cached_tokens: given?.usage.cache_read_tokens ?? 0 },
		},
		hybrid_ai: {
			backend: given?.backend,
			cost: item.cost ?? null,
			complexity: route?.complexity,
			reasoning: route?.reasoning,
		},
	};
}

function failure(given: Failure & { field?: string | null }): IDataObject {
	return {
		error: {
			message: given.message,
			type: given.status < 500 ? 'invalid_request_error' : 'server_error',
			param: given.field ?? null,
			code: given.code,
		},
	};
}

export const openai: DialectFormat = { parse, answer, failure };
