/** The data that travels on the items of the chat flow. Everything is JSON. */
import type { IDataObject } from 'n8n-workflow';

export type Dialect = 'native' | 'openai' | 'anthropic';

/** A piece of a message, in the words of Anthropic's API; what no dialect here knows is kept as it came. */
export interface Block extends IDataObject {
	type: string;
}

export interface TextBlock extends Block {
	type: 'text';
	text: string;
}

export interface ImageBlock extends Block {
	type: 'image';
	source: { type: 'base64'; media_type: string; data: string } | { type: 'url'; url: string };
}

export interface ToolUseBlock extends Block {
	type: 'tool_use';
	id: string;
	name: string;
	input: IDataObject;
}

export interface ToolResultBlock extends Block {
	type: 'tool_result';
	tool_use_id: string;
	content?: string | Block[];
}

export interface Message {
	/** `system` between the turns, where the Messages API takes one; what begins a conversation is apart. */
	role: 'user' | 'assistant' | 'system';
	content: string | Block[];
}

/** What a model may call, in the words of Anthropic's API; `type` names a tool of the provider's own. */
export interface Tool extends IDataObject {
	name: string;
	description?: string;
	input_schema?: IDataObject;
	type?: string;
}

/** A request in no dialect's words: what the trigger made of what the caller sent. */
export interface ChatRequest {
	request_id: string;
	key_id: string | null;
	dialect: Dialect;
	/** `auto`, or what the caller asked for; the scorer knows the names. */
	model: string;
	messages: Message[];
	system: string | null;
	max_tokens: number | null;
	temperature: number | null;
	stop: string[];
	tools: Tool[];
	/** In the words of Anthropic's API; null where the model decides. */
	tool_choice: IDataObject | null;
	/** The answer must be JSON, and fit the schema where there is one. */
	json: { schema: IDataObject | null } | null;
	/** Fields of the Messages API that go to Claude as they came. */
	extras: IDataObject;
	/** The features of the Messages API that the caller asks for by `anthropic-beta`. */
	betas: string | null;
	/** Whether the caller wants the answer in pieces, as it is written. */
	stream: boolean;
	/** Whether a stream ends with the usage, in OpenAI's dialect. */
	include_usage: boolean;
	privacy: 'any' | 'local-only';
	cache: 'use' | 'refresh' | 'off';
	user: string | null;
	tags: string[];
	/** The only models that the key may use, by the catalogue's names; null for all of them. */
	allowed_models: string[] | null;
	/** Milliseconds since the epoch (UTC). */
	received_at: number;
}

export type Backend = 'ollama' | 'anthropic';

export interface Target {
	model: string;
	model_id: string;
	backend: Backend;
	tier: string;
	context_window?: number;
	max_output?: number;
}

/** The scorer's answer to `POST /v1/route`. */
export interface Route extends Target {
	decision: 'cached' | 'local' | 'cloud' | 'refused';
	complexity: number | null;
	reasoning: string;
	factors: IDataObject[];
	input_tokens: number;
	/** USD, a decimal string; null for a model without a price. */
	estimated_cost: string | null;
	fallbacks: Target[];
	/** The best local model that can take the prompt, for when no money may be spent; null when there is none. */
	local_fallback: Target | null;
	cache_key: string | null;
	cached_answer?: Answer;
	/** Models that failed lately: the scorer is to be told of their good answers too. */
	on_trial?: string[];
	error?: Failure;
}

/** Tokens as the ledger counts them: `input_tokens` leaves out cached ones. */
export interface Usage {
	input_tokens: number;
	output_tokens: number;
	cache_read_tokens: number;
	cache_write_5m_tokens: number;
	cache_write_1h_tokens: number;
}

export interface Answer {
	/** The texts of `content`, joined. */
	text: string;
	/** Texts and calls of tools in their order, and what else Claude sent. */
	content: Block[];
	model: string;
	model_id: string;
	backend: 'local' | 'cloud' | 'cache';
	tier: string | null;
	stop_reason: string | null;
	/** The one of the caller's stop sequences that ended the answer, where the model tells. */
	stop_sequence?: string | null;
	usage: Usage;
	/** The provider's own `usage`, whole. */
	provider_usage: IDataObject | null;
	/** What else the provider's message says, such as the container of its tools. */
	details?: IDataObject;
}

export interface Failure {
	status: number;
	code: string;
	message: string;
	/** What a model used for an answer that did not come whole. */
	spent?: Spent;
	/** Seconds after which it is worth trying again, where the scorer knows. */
	retry_after?: number;
}

export interface Spent {
	model: string;
	backend: 'local' | 'cloud';
	tier: string;
	usage: Usage;
}

/** The caller went away: nobody waits for an answer. */
export const CLIENT_GONE = 'client_gone';

/** A model that was asked, or was to be paid for, and did not answer. */
export interface Try extends Failure {
	model: string;
}

/** What the ledger set aside for one answer of a cloud model. */
export interface Reservation {
	/** The catalogue's name of the model that may be asked for it. */
	model: string;
	/** USD, a decimal string; null for a model without a price. */
	amount: string | null;
	/** The longest answer that it pays for. */
	max_output_tokens: number;
	expires_at: string;
}

/** How long the parts of a request took, in seconds. */
export interface Timings {
	routing_seconds?: number;
	/** By the name of the model: all calls to it, failed ones included. */
	model_seconds?: Record<string, number>;
}

export interface ChatItem extends ChatRequest {
	route?: Route;
	answer?: Answer;
	reservation?: Reservation;
	tries?: Try[];
	error?: Failure;
	/** Whether the caller has pieces of an answer already. */
	streamed?: boolean;
	/** USD, a decimal string; null when the ledger could not price it in time. */
	cost?: string | null;
	timings?: Timings;
}

export const NO_USAGE: Usage = {
	input_tokens: 0,
	output_tokens: 0,
	cache_read_tokens: 0,
	cache_write_5m_tokens: 0,
	cache_write_1h_tokens: 0,
};

export function isText(block: Block): block is TextBlock {
	return block.type === 'text';
}

export function isToolUse(block: Block): block is ToolUseBlock {
	return block.type === 'tool_use';
}

export function isToolResult(block: Block): block is ToolResultBlock {
	return block.type === 'tool_result';
}

/** The content of a message as blocks; none for an empty text. */
export function blocksOf(content: string | Block[] | undefined): Block[] {
	if (Array.isArray(content)) return content;
	return content ? [{ type: 'text', text: content }] : [];
}

/** The texts among blocks, joined. */
export function textOf(content: string | Block[] | undefined, separator = ''): string {
	return typeof content === 'string' ? content : blocksOf(content).filter(isText).map(({ text }) => text).join(separator);
}

/** Where a paid answer is made, which has a price of its own; nothing where the request does not say. */
export function inferencePlace({ extras }: Pick<ChatItem, 'extras'>, used?: Pick<Answer, 'backend'>): { inference_geo?: string } {
	const place = extras?.inference_geo;
	const isPaid = !used || used.backend === 'cloud';
	return typeof place === 'string' && isPaid ? { inference_geo: place } : {};
}

/** Whether no other model may answer: the caller has pieces of an answer that failed, or is gone. */
export function isOver({ error, streamed }: ChatItem): boolean {
	return error !== undefined && (streamed === true || error.code === CLIENT_GONE);
}

/** An answer out of the cache; one that was kept before answers had blocks is its text. */
export function fromCache(kept: Answer): Answer {
	return { ...kept, content: kept.content ?? blocksOf(kept.text), backend: 'cache' };
}

/** The next model of `backend` that this request may use and has not tried; undefined when there is none. */
export function nextTarget(item: ChatItem, backend: Backend): Target | undefined {
	const { route } = item;
	if (!route) return undefined;
	const tried = new Set((item.tries ?? []).map((one) => one.model));
	return [route, ...route.fallbacks].find((target) => target.backend === backend && !tried.has(target.model));
}
