/** Setting money aside before a model is asked: what the ledger says, and what holds while it says nothing. */
import type { ChatItem, Failure, Reservation, Target } from './chat';
import { inferencePlace } from './chat';
import { cacheTtls, mostInputTokens } from './input-bound';
import type { ClaudeBody } from './models/claude';
import { claudeBody } from './models/claude';
import type { Stack } from './stack';
import { callService, serviceMessage } from './stack';
import type { JsonResponse } from './transport';
import { TransportError } from './transport';

/**
 * Which local models may answer instead: `best`, one at least where there is any; `routed`, only for a
 * request that was meant for a local model; `none`.
 */
export type StandIn = 'best' | 'routed' | 'none';

export interface Denial {
	failure: Failure;
	standIn: StandIn;
}

/** A reservation, or undefined where none is needed: there is no hard budget. */
export type Verdict = { reservation?: Reservation; denied?: undefined } | { denied: Denial };

const TIMEOUT_MS = 3_000;

/** By the ledger's address: whether it had any hard budget when it last said so. */
const hardBudgets = new Map<string, boolean>();

/** Asks the ledger to set aside what `longest` tokens of answer from `target` can cost at most. */
export async function reserve(stack: Stack, item: ChatItem, target: Target, longest: number): Promise<Verdict> {
	const { request_id, key_id, user, tags } = item;
	const about = { request_id, key_id, user, tags };
	const asked = claudeBody(item, target, longest);
	const input_tokens = mostInputTokens(asked, target.context_window);
	const body = { ...about, model: target.model, input_tokens, max_output_tokens: longest, ...cacheWrites(asked), ...inferencePlace(item) };
	try {
		const url = `${stack.ledgerUrl}/v1/reservations`;
		const response = await callService(stack, url, { body, requestId: request_id, timeout: TIMEOUT_MS });
		return judge(stack, response, target, longest);
	} catch (error) {
		if (error instanceof TransportError) return withoutLedger(stack, error.message);
		throw error;
	}
}

/** The dearest writes to the provider's cache that the request asks for. */
function cacheWrites(asked: ClaudeBody): { cache_writes?: '5m' | '1h' } {
	const ttls = cacheTtls(asked);
	return { cache_writes: ttls.has('1h') ? '1h' : ttls.size > 0 ? '5m' : undefined };
}

interface Answered {
	reserved?: boolean;
	amount?: string | null;
	expires_at?: string;
	hard_budgets?: boolean;
	error?: { code?: string; when_spent?: string };
}

function judge(stack: Stack, response: JsonResponse, target: Target, longest: number): Verdict {
	const { reserved, amount = null, expires_at = '', hard_budgets, error } = response.body as Answered;
	if (typeof hard_budgets === 'boolean') hardBudgets.set(stack.ledgerUrl, hard_budgets);
	const { status } = response;
	if (status === 402) {
		hardBudgets.set(stack.ledgerUrl, true);
		const failure = { status, code: error?.code ?? 'budget_exceeded', message: serviceMessage(response) };
		return { denied: { failure, standIn: error?.when_spent === 'local' ? 'best' : 'routed' } };
	}
	if (status === 409) {
		const failure = { status, code: error?.code ?? 'already_booked', message: serviceMessage(response) };
		return { denied: { failure, standIn: 'none' } };
	}
	if (status >= 500) return withoutLedger(stack, `the cost ledger: ${serviceMessage(response)}`);
	if (status < 300 && reserved === true) {
		return { reservation: { model: target.model, amount, max_output_tokens: longest, expires_at } };
	}
	if (status < 300 && reserved === false && hard_budgets === false) return {};
	// A wrong token, or a request that the ledger does not take: it is there, but does not let this pass.
	return unknown(`The cost ledger did not reserve the budget: ${serviceMessage(response)}`);
}

/** A ledger that is away must not let a hard budget be passed, and stops nobody where there was none. */
function withoutLedger(stack: Stack, reason: string): Verdict {
	const known = hardBudgets.get(stack.ledgerUrl);
	if (known === false) return {};
	const why = known ? 'There is a hard budget, and what is left of it' : 'Whether there is a hard budget';
	return unknown(`${why} is not known now: ${reason}`);
}

/** The caller is not to blame, and a local model costs nothing. */
function unknown(message: string): Verdict {
	return { denied: { failure: { status: 503, code: 'budget_unknown', message }, standIn: 'best' } };
}
