/** The data that travels on the items of the chat flow. Everything is JSON. */
import type { IDataObject } from 'n8n-workflow';

export type Dialect = 'native' | 'openai';

export interface Message {
	role: 'system' | 'user' | 'assistant';
	content: string;
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
	text: string;
	model: string;
	model_id: string;
	backend: 'local' | 'cloud' | 'cache';
	tier: string | null;
	stop_reason: string | null;
	usage: Usage;
	/** The provider's own `usage`, whole. */
	provider_usage: IDataObject | null;
}

export interface Failure {
	status: number;
	code: string;
	message: string;
	/** Seconds after which it is worth trying again, where the scorer knows. */
	retry_after?: number;
}

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

/** The next model of `backend` that this request may use and has not tried; undefined when there is none. */
export function nextTarget(item: ChatItem, backend: Backend): Target | undefined {
	const { route } = item;
	if (!route) return undefined;
	const tried = new Set((item.tries ?? []).map((one) => one.model));
	return [route, ...route.fallbacks].find((target) => target.backend === backend && !tried.has(target.model));
}
