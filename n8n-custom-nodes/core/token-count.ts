/** How many tokens a request of the Messages API has: by Claude's own count, or by the scorer's estimate. */
import type { IDataObject } from 'n8n-workflow';

import { parseAsked } from './dialects/anthropic';
import type { Body } from './fields';
import { claudeError, claudeHeaders } from './models/claude';
import { Refusal } from './refusal';
import { routeRequest } from './route-request';
import type { Stack } from './stack';
import { callService, serviceMessage } from './stack';
import { requestJson, TransportError } from './transport';

const SCORER_TIMEOUT_MS = 5_000;
const CLAUDE_TIMEOUT_MS = 15_000;

interface Counted {
	input_tokens?: number;
	/** The model that the caller named, by the id that its backend knows; null for `auto`. */
	model_id?: string | null;
	backend?: string | null;
}

interface ToCount {
	body: Body;
	betas: string | null;
	/** The request must not leave the machine. */
	localOnly: boolean;
}

/** Throws Refusal: 400 for a bad body, 503 when nobody can count. */
export async function countInputTokens(stack: Stack, requestId: string, given: ToCount): Promise<number> {
	const estimate = await estimateTokens(stack, requestId, given.body);
	const isExact = estimate.backend === 'anthropic' && !given.localOnly && stack.anthropicApiKey !== '';
	const counted = isExact ? await askClaude(stack, given, String(estimate.model_id)) : estimate;
	if (typeof counted.input_tokens !== 'number') throw new Refusal(502, 'no_count', 'The tokens could not be counted.');
	return counted.input_tokens;
}

async function estimateTokens(stack: Stack, requestId: string, body: Body): Promise<Counted> {
	const asked = parseAsked(body);
	const about = { request_id: requestId, key_id: null, dialect: 'anthropic', betas: null, allowed_models: null } as const;
	const item = { ...asked, ...about, privacy: 'any', cache: 'off', received_at: Date.now() } as const;
	return await reached(async () => {
		const call = { body: routeRequest(item), requestId, timeout: SCORER_TIMEOUT_MS };
		const response = await callService(stack, `${stack.scorerUrl}/v1/tokens`, call);
		if (response.status === 200) return response.body as Counted;
		const { code } = (response.body.error ?? {}) as { code?: string };
		const isCallers = response.status === 400 || response.status === 413;
		throw new Refusal(isCallers ? response.status : 503, (isCallers && code) || 'scorer_unavailable', serviceMessage(response));
	});
}

async function askClaude(stack: Stack, { body, betas }: ToCount, model: string): Promise<Counted> {
	const headers = claudeHeaders(stack.anthropicApiKey, betas);
	const asked: IDataObject = { ...(body as IDataObject), model };
	return await reached(async () => {
		const url = `${stack.anthropicUrl}/v1/messages/count_tokens`;
		const response = await requestJson(url, { headers, body: asked, timeout: CLAUDE_TIMEOUT_MS });
		if (response.status === 200) return response.body as Counted;
		const isCallers = response.status === 400 || response.status === 413;
		throw new Refusal(isCallers ? response.status : response.status === 429 ? 429 : 502, 'count_failed', claudeError(response.body));
	});
}

async function reached(ask: () => Promise<Counted>): Promise<Counted> {
	try {
		return await ask();
	} catch (error) {
		if (error instanceof TransportError) throw new Refusal(503, 'count_unavailable', error.message);
		throw error;
	}
}
