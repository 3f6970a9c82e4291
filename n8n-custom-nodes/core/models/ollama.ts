/** What a local model is asked over Ollama's API, what it answers, and what it cannot be asked. */
import { randomUUID } from 'node:crypto';

import type { IDataObject } from 'n8n-workflow';

import { modelFailure } from '../ask';
import type { Answer, Block, ChatItem, ChatRequest, ImageBlock, Message, Target, Tool, ToolResultBlock } from '../chat';
import { blocksOf, isText, isToolResult, isToolUse, NO_USAGE, textOf } from '../chat';
import type { Refusal } from '../refusal';
import type { JsonResponse } from '../transport';

/** What holds where the request says nothing. */
export interface Preset {
	systemText: string;
	temperature: number;
}

export interface OllamaCall {
	/** Of calls that were streamed: what the caller has as a piece already. */
	id?: string;
	function?: { name?: string; arguments?: IDataObject | string };
}

export interface OllamaChat {
	message?: { content?: string; tool_calls?: OllamaCall[] };
	done_reason?: string;
	prompt_eval_count?: number;
	eval_count?: number;
}

interface OllamaMessage {
	role: 'system' | 'user' | 'assistant' | 'tool';
	content: string;
	images?: string[];
	tool_calls?: Array<{ function: { name: string; arguments: IDataObject } }>;
	tool_name?: string;
}

/** The body that asks `target` for at most `limit` tokens. */
export function ollamaBody(item: ChatRequest, target: Target, limit: number, preset: Preset) {
	const { extras, json } = item;
	const text = item.system ?? preset.systemText;
	const system: OllamaMessage[] = text ? [{ role: 'system', content: text }] : [];
	const tools = item.tool_choice?.type === 'none' ? [] : item.tools;
	return {
		model: target.model_id,
		messages: [...system, ...ollamaMessages(item.messages)],
		stream: false,
		tools: tools.length > 0 ? tools.map(ollamaTool) : undefined,
		format: json ? (json.schema ?? 'json') : undefined,
		options: {
			num_predict: limit,
			// The same for every request to a model: another size makes Ollama load it anew.
			num_ctx: target.context_window,
			temperature: item.temperature ?? preset.temperature,
			top_k: extras.top_k ?? undefined,
			top_p: extras.top_p ?? undefined,
			stop: item.stop.length > 0 ? item.stop : undefined,
		},
	};
}

/** Ollama has a message for each result, and knows the call by the tool's name. */
function ollamaMessages(messages: Message[]): OllamaMessage[] {
	const names = new Map<string, string>();
	return messages.flatMap(({ role, content }) => {
		const blocks = blocksOf(content);
		for (const { id, name } of blocks.filter(isToolUse)) names.set(id, name);
		const results = blocks.filter(isToolResult).map((block) => resultMessage(block, names.get(block.tool_use_id)));
		const rest = turnMessage(role, content);
		const isEmpty = rest.content === '' && !rest.images && !rest.tool_calls;
		return results.length > 0 && isEmpty ? results : [...results, rest];
	});
}

function turnMessage(role: Message['role'], content: string | Block[]): OllamaMessage {
	const blocks = blocksOf(content);
	const images = blocks.filter(isImage).map(({ source }) => (source.type === 'base64' ? source.data : ''));
	const calls = blocks.filter(isToolUse).map(({ name, input }) => ({ function: { name, arguments: input } }));
	return {
		role,
		content: textOf(content, '\n'),
		...(images.length > 0 ? { images } : {}),
		...(calls.length > 0 ? { tool_calls: calls } : {}),
	};
}

function resultMessage({ content, is_error }: ToolResultBlock, tool_name: string | undefined): OllamaMessage {
	const text = textOf(content, '\n');
	return { role: 'tool', content: is_error ? `Error: ${text}` : text, ...(tool_name ? { tool_name } : {}) };
}

function ollamaTool({ name, description, input_schema }: Tool) {
	return { type: 'function', function: { name, description: description ?? '', parameters: input_schema } };
}

/** The failure that Ollama reports with a status. */
export function ollamaFailure({ status, headers, body }: JsonResponse, target: Target): Refusal {
	return modelFailure(target, status, String(body.error ?? 'no reason given'), headers['retry-after']);
}

/** The answer in a reply; throws Refusal (502) where there is none. Ollama names no calls: they get ids here. */
export function readOllamaAnswer(chat: OllamaChat, item: ChatItem, target: Target): Answer {
	const text = chat.message?.content;
	if (typeof text !== 'string') throw modelFailure(target, 502, 'no message in the answer');
	const calls = (chat.message?.tool_calls ?? []).map((call) => toolUse(call, target));
	const taken = item.tool_choice?.disable_parallel_tool_use ? calls.slice(0, 1) : calls;
	return {
		text,
		content: [...blocksOf(text), ...taken],
		model: target.model,
		model_id: target.model_id,
		backend: 'local',
		tier: target.tier,
		stop_reason: chat.done_reason ?? null,
		usage: {
			...NO_USAGE,
			// Ollama leaves the count out when it had the whole prompt in memory already.
			input_tokens: chat.prompt_eval_count ?? item.route?.input_tokens ?? 0,
			output_tokens: chat.eval_count ?? 0,
		},
		provider_usage: null,
	};
}

function toolUse({ id, function: called }: OllamaCall, target: Target): Block {
	const name = called?.name;
	if (!name) throw modelFailure(target, 502, 'a call of a tool without a name');
	return { type: 'tool_use', id: id || newToolUseId(), name, input: readInput(called?.arguments, target) };
}

/** An id in the shape of the API's own. */
export function newToolUseId(): string {
	return `toolu_${randomUUID().replaceAll('-', '').slice(0, 24)}`;
}

function readInput(given: IDataObject | string | undefined, target: Target): IDataObject {
	if (typeof given !== 'string') return given ?? {};
	try {
		return JSON.parse(given) as IDataObject;
	} catch {
		throw modelFailure(target, 502, 'a call of a tool with broken JSON');
	}
}

function isImage(block: Block): block is ImageBlock {
	return block.type === 'image';
}

/** Fields of the Messages API that a local model can do, or that change nothing for it. */
const EXPRESSIBLE = new Set([
	'cache_control', 'diagnostics', 'inference_geo', 'metadata', 'output_format', 'service_tier', 'system', 'temperature', 'top_k',
	'top_p', 'user_profile_id',
]);
const TOOL_FIELDS = new Set(['name', 'description', 'input_schema', 'type', 'cache_control']);

/** What a request asks for that only a cloud model can do, in words; none where a local model can take it. */
export function beyondLocal(item: ChatRequest): string[] {
	const fields = Object.entries(item.extras).filter(([field, value]) => !isExpressible(field, value)).map(([field]) => field);
	const choice = ['any', 'tool'].includes(String(item.tool_choice?.type)) ? ['a forced tool_choice'] : [];
	const blocks = item.messages.flatMap(({ content }) => blocksOf(content).flatMap(beyondBlock));
	const nothing = item.max_tokens === 0 ? ['max_tokens 0'] : [];
	return [...new Set([...fields, ...nothing, ...item.tools.flatMap(beyondTool), ...choice, ...blocks])].map((one) => one.slice(0, 100));
}

function isExpressible(field: string, value: unknown): boolean {
	if (value === null || EXPRESSIBLE.has(field)) return true;
	const inner = value as IDataObject;
	if (field === 'thinking') return inner.type === 'disabled';
	if (field === 'speed') return value === 'standard';
	return field === 'output_config' && Object.keys(inner).every((one) => one === 'format');
}

function beyondTool(tool: Tool): string[] {
	if ((tool.type ?? 'custom') !== 'custom') return [`the tool ${tool.type}`];
	const more = Object.entries(tool).find(([field, value]) => !TOOL_FIELDS.has(field) && value !== null && value !== false);
	return more ? [`${more[0]} of a tool`] : [];
}

function beyondBlock(block: Block): string[] {
	if (isText(block) || isToolUse(block)) return [];
	if (isImage(block)) return block.source.type === 'base64' ? [] : ['an image by its address'];
	if (!isToolResult(block)) return [`${block.type} blocks`];
	return blocksOf(block.content).every(isText) ? [] : ['a tool result that is not text'];
}
