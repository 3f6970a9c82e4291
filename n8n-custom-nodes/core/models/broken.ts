/** An answer in pieces that did not come whole. */
import type { Failure, Spent, Target, Usage } from '../chat';
import { CLIENT_GONE } from '../chat';
import { Refusal } from '../refusal';
import type { TransportError } from '../transport';

/** What the caller is told, with what the model used up to then. */
export class BrokenAnswer extends Refusal {
	readonly spent?: Spent;

	constructor({ status, code, message }: Failure, target: Target, usage: Usage | null) {
		super(status, code, message);
		if (usage) this.spent = spentOn(target, usage);
	}
}

export function spentOn({ model, backend, tier }: Target, usage: Usage): Spent {
	return { model, backend: backend === 'anthropic' ? 'cloud' : 'local', tier, usage };
}

/** The failure of a stream that broke off for the reason that the transport gives. */
export function brokenOff(error: TransportError, target: Target): Failure {
	if (error.code === 'aborted') return clientGone();
	if (error.code === 'timeout') return { status: 504, code: 'model_timeout', message: `${target.model} gave no whole answer: ${error.message}` };
	return cutShort(target, error.message);
}

export function cutShort(target: Target, reason: string): Failure {
	return { status: 502, code: 'stream_cut', message: `${target.model} gave only a part of its answer: ${reason}` };
}

export function clientGone(): Failure {
	return { status: 499, code: CLIENT_GONE, message: 'The caller went away before the answer was whole.' };
}

/** The tokens of a text whose count the model did not say; about four bytes make one. */
export function estimateTokens(text: string): number {
	return Math.ceil(Buffer.byteLength(text) / 4);
}
