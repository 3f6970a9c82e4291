/** What the nodes that ask a model have in common: choosing the model, and telling what went wrong. */
import type { IExecuteFunctions, INodeExecutionData, INodeProperties } from 'n8n-workflow';

import { whileWanted } from './cancel';
import type { Answer, Backend, ChatItem, Failure, Target, Timings, Try } from './chat';
import { CLIENT_GONE, isOver, nextTarget, NO_USAGE } from './chat';
import { readRetryAfter, tellHealth } from './health';
import { forEachItem } from './items';
import { BrokenAnswer, clientGone, spentOn } from './models/broken';
import { PieceSender } from './pieces';
import { Refusal } from './refusal';
import type { Stack } from './stack';
import { secondsSince } from './timing';
import { TransportError } from './transport';

export const ASK_OUTPUTS = ['Answered', 'Failed'];
/** In tokens: what Reserve Budget reserves, and Ask Claude asks for, unless they are told otherwise. */
export const LONGEST_CLOUD_ANSWER = 4096;
const ANSWERED = 0;
const FAILED = 1;

/** The settings that every node that asks a model has. */
export function askProperties(longestAnswer: number, timeoutSeconds: number): INodeProperties[] {
	return [
		longestAnswerProperty(longestAnswer),
		{
			displayName: 'Timeout (Seconds)',
			name: 'timeout',
			type: 'number',
			typeOptions: { minValue: 1, maxValue: 3600 },
			default: timeoutSeconds,
			description: 'After this long without the whole answer the item leaves by Failed',
		},
	];
}

export function longestAnswerProperty(tokens: number): INodeProperties {
	return {
		displayName: 'Longest Answer (Tokens)',
		name: 'maxTokens',
		type: 'number',
		typeOptions: { minValue: 1 },
		default: tokens,
		description: 'Where the request names no max_tokens; a model’s own limit is never passed',
	};
}

/** What a call to a model has to do with its caller. */
export interface Call {
	/** Fires when the caller goes away. */
	signal?: AbortSignal;
	/** Where the pieces of the answer go; undefined for a caller that wants it whole. */
	pieces?: PieceSender;
}

/**
 * Asks the next model of `backend` for each item. Answered items carry `answer`; on Failed they carry
 * the `error`, and what was tried, for the next node to go on from. An item whose caller has pieces of
 * a failed answer, or is gone, leaves by Failed unasked.
 */
export async function askModels(
	node: IExecuteFunctions,
	stack: Stack,
	backend: Backend,
	ask: (item: ChatItem, target: Target, call: Call) => Promise<Answer>,
): Promise<INodeExecutionData[][]> {
	return await forEachItem<ChatItem>(node, ASK_OUTPUTS.length, async (item, itemIndex) => {
		if (isOver(item)) return { item, output: FAILED };
		const target = nextTarget(item, backend);
		if (!target) return { item: { ...item, error: item.error ?? nothingLeft(backend) }, output: FAILED };
		const pieces = item.stream && node.isStreaming() ? new PieceSender(node, itemIndex, item.dialect === 'anthropic') : undefined;
		const begun = performance.now();
		const done = () => ({ streamed: item.streamed === true || pieces?.sent === true, timings: timed(item, target, begun) });
		try {
			const answer = await whileWanted(stack, item.request_id, async (signal) => {
				if (signal?.aborted) throw new BrokenAnswer(clientGone(), target, null);
				return await ask(item, target, { signal, pieces });
			});
			if (item.route?.on_trial?.includes(target.model)) {
				tellHealth(stack, { model: target.model, ok: true, status: 200, code: null, seconds: secondsSince(begun) });
			}
			return { item: { ...item, answer, error: undefined, ...done() }, output: ANSWERED };
		} catch (caught) {
			const failure = asFailure(caught, item, target);
			reportFailure(stack, caught, target, failure, begun);
			const tries: Try[] = [...(item.tries ?? []), { model: target.model, ...failure }];
			// That a budget is spent stays the reason: a stand-in that failed changes nothing about it.
			const error = item.error?.status === 402 && failure.code !== CLIENT_GONE ? item.error : failure;
			return { item: { ...item, tries, error, ...done() }, output: FAILED };
		}
	});
}

function timed({ timings }: ChatItem, { model }: Target, begun: number): Timings {
	const before = timings?.model_seconds?.[model] ?? 0;
	return { ...timings, model_seconds: { ...timings?.model_seconds, [model]: before + secondsSince(begun) } };
}

/** Tells of what the model is to blame for, and not of what never reached it, nor of a caller who left. */
function reportFailure(stack: Stack, caught: unknown, { model }: Target, { code }: Failure, begun: number): void {
	const isItsOwn = caught instanceof ModelRefusal || caught instanceof BrokenAnswer || caught instanceof TransportError;
	if (!isItsOwn || code === CLIENT_GONE) return;
	const { status, retry_after } = caught instanceof ModelRefusal ? caught.upstream : { status: null };
	tellHealth(stack, { model, ok: false, status, code, seconds: secondsSince(begun), retry_after });
}

function nothingLeft(backend: Backend): Failure {
	const kind = backend === 'ollama' ? 'local' : 'cloud';
	return { status: 503, code: 'no_model', message: `No ${kind} model can take this prompt now.` };
}

function asFailure(error: unknown, item: ChatItem, target: Target): Failure {
	if (error instanceof Refusal) {
		const spent = error instanceof BrokenAnswer && error.spent ? { spent: error.spent } : {};
		return { status: error.status, code: error.code, message: error.message, ...spent };
	}
	if (!(error instanceof TransportError)) throw error;
	if (error.code === 'aborted') {
		// The provider reads the prompt, and charges for it, before it says anything: the scorer's count is the only one.
		return { ...clientGone(), spent: spentOn(target, { ...NO_USAGE, input_tokens: item.route?.input_tokens ?? 0 }) };
	}
	return {
		status: error.code === 'timeout' ? 504 : 502,
		code: error.code === 'timeout' ? 'model_timeout' : 'model_unavailable',
		message: `${target.model} gave no answer: ${error.message}`,
	};
}

/** A refusal that the model's own server gave. */
class ModelRefusal extends Refusal {
	upstream: { status: number; retry_after?: number } = { status: this.status };
}

/** The failure that a model's server reports with a status; the caller gets no 4xx for what is not theirs. */
export function modelFailure(target: Target, status: number, message: string, retryAfter?: string): Refusal {
	const callersFault = [400, 413].includes(status);
	const code = status === 429 ? 'model_overloaded' : callersFault ? 'model_refused' : 'model_error';
	const seen = callersFault ? status : status === 429 ? 503 : 502;
	const refusal = new ModelRefusal(seen, code, `${target.model} answered ${status}: ${message}`);
	refusal.upstream = { status, retry_after: readRetryAfter(retryAfter) };
	return refusal;
}

/** The longest answer to ask for, in tokens. */
export function answerLimit(item: ChatItem, target: Target, preset: number): number {
	return Math.min(item.max_tokens ?? preset, target.max_output ?? Infinity);
}
