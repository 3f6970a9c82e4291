/** A Claude answer as it is written: the pieces for the caller, and at the end the whole message with its exact usage. */
import type { IDataObject } from 'n8n-workflow';

import type { Call } from '../ask';
import { modelFailure } from '../ask';
import type { Block, Failure, Target, Usage } from '../chat';
import type { Piece } from '../pieces';
import { TransportError } from '../transport';
import { isStream, requestStream } from '../transportStream';
import { BrokenAnswer, brokenOff, cutShort, estimateTokens } from './broken';
import type { ClaudeMessage, ClaudeUsage } from './claude';
import { claudeError, readUsage } from './claude';

export interface ModelRequest {
	url: string;
	headers?: Record<string, string>;
	body: object;
	/** For the whole answer, in milliseconds. */
	timeout: number;
}

/** The longest silence inside an answer, in milliseconds: Claude sends pings, and a local model writes. */
export const LONGEST_SILENCE = 60_000;

/**
 * Asks, sends the pieces as they come, and gives the message that the same request gives without streaming.
 * Throws Refusal; BrokenAnswer, which has the usage so far, once Claude began to answer.
 */
export async function streamClaude(request: ModelRequest, target: Target, { signal, pieces }: Call): Promise<ClaudeMessage> {
	const { url, headers, timeout } = request;
	const body = { ...request.body, stream: true };
	const response = await requestStream(url, { headers, body, timeout, signal, format: 'sse', idle: LONGEST_SILENCE });
	if (!isStream(response)) throw modelFailure(target, response.status, claudeError(response.body), response.headers['retry-after']);
	const reader = new ClaudeReader(pieces?.raw ?? false);
	try {
		for await (const events of response.events) {
			const written = events.flatMap((event) => reader.read(event));
			await pieces?.send(target.model, reader.usage(), written);
			if (reader.error) throw new BrokenAnswer(streamError(reader.error, target), target, reader.usage());
			if (reader.isWhole) return reader.message;
		}
	} catch (error) {
		// Before the first event there is no answer that could have broken off.
		if (!(error instanceof TransportError) || !reader.usage()) throw error;
		throw new BrokenAnswer(brokenOff(error, target), target, reader.usage());
	}
	throw new BrokenAnswer(cutShort(target, 'the stream ended early'), target, reader.usage());
}

interface ClaudeError {
	type?: string;
	message?: string;
}

function streamError({ type, message }: ClaudeError, { model }: Target): Failure {
	const overloaded = type === 'overloaded_error' || type === 'rate_limit_error';
	const what = `${model} broke off its answer: ${message ?? type ?? 'no reason given'}`;
	return { status: overloaded ? 503 : 502, code: overloaded ? 'model_overloaded' : 'model_error', message: what };
}

/** Puts the events of one answer together. */
class ClaudeReader {
	readonly message: ClaudeMessage & { content: Block[] } = { content: [] };
	error: ClaudeError | undefined;
	isWhole = false;
	/** By the number of the block: the JSON of a tool's input as far as it came. */
	private readonly inputs = new Map<number, string>();
	private tools = 0;
	private readonly toolOf = new Map<number, number>();
	/** Whether the API itself said how long the answer is. */
	private isCounted = false;
	private written = '';

	constructor(private readonly raw: boolean) {}

	/** What the event gives the caller to read. */
	read(event: IDataObject): Piece[] {
		switch (event.type) {
			case 'message_start':
				Object.assign(this.message, event.message, { content: [] });
				return [];
			case 'content_block_start':
				return this.pieces(event, this.start(event.index as number, event.content_block as Block));
			case 'content_block_delta':
				return this.pieces(event, this.extend(event.index as number, event.delta as IDataObject));
			case 'content_block_stop':
				this.finish(event.index as number);
				return this.pieces(event, []);
			case 'message_delta':
				this.count(event);
				return [];
			case 'message_stop':
				this.isWhole = Boolean(this.message.usage && this.message.stop_reason);
				return [];
			case 'error':
				this.error = (event.error ?? {}) as ClaudeError;
				return [];
			default:
				return [];
		}
	}

	/** The tokens so far; null before the API said anything about them. */
	usage(): Usage | null {
		if (!this.message.usage) return null;
		const usage = readUsage(this.message.usage);
		return this.isCounted ? usage : { ...usage, output_tokens: Math.max(usage.output_tokens, estimateTokens(this.written)) };
	}

	private pieces(event: IDataObject, otherwise: Piece[]): Piece[] {
		return this.raw ? [{ type: 'raw', event }] : otherwise;
	}

	private start(index: number, block: Block): Piece[] {
		this.message.content[index] = { ...block };
		if (block.type === 'tool_use') {
			this.toolOf.set(index, this.tools);
			return [{ type: 'tool', index: this.tools++, id: String(block.id), name: String(block.name) }];
		}
		return block.type === 'text' ? this.text(String(block.text ?? '')) : [];
	}

	private extend(index: number, delta: IDataObject): Piece[] {
		const block = this.message.content[index];
		if (!block) return [];
		switch (delta.type) {
			case 'text_delta':
				block.text = `${block.text as string}${delta.text as string}`;
				return this.text(delta.text as string);
			case 'input_json_delta':
				return this.input(index, delta.partial_json as string);
			case 'thinking_delta':
				this.written += delta.thinking as string;
				block.thinking = `${block.thinking as string}${delta.thinking as string}`;
				return [];
			case 'signature_delta':
				block.signature = delta.signature;
				return [];
			case 'citations_delta':
				block.citations = [...((block.citations as IDataObject[] | null) ?? []), delta.citation as IDataObject];
				return [];
			default:
				return [];
		}
	}

	private text(text: string): Piece[] {
		this.written += text;
		return text === '' ? [] : [{ type: 'text', text }];
	}

	private input(index: number, json: string): Piece[] {
		this.written += json;
		this.inputs.set(index, (this.inputs.get(index) ?? '') + json);
		const tool = this.toolOf.get(index);
		return tool === undefined || json === '' ? [] : [{ type: 'tool_input', index: tool, json }];
	}

	private finish(index: number): void {
		const [block, json] = [this.message.content[index], this.inputs.get(index)];
		if (!block || !json) return;
		try {
			block.input = JSON.parse(json) as IDataObject;
		} catch {
			throw new TransportError('invalid_answer', 'the input of a tool call is not JSON');
		}
	}

	/** The counts of a message_delta are those of the whole answer so far; what it leaves out holds. */
	private count({ delta, usage }: IDataObject): void {
		Object.assign(this.message, delta);
		const said = Object.entries((usage ?? {}) as IDataObject).filter(([, value]) => value !== null && value !== undefined);
		this.message.usage = { ...this.message.usage, ...(Object.fromEntries(said) as ClaudeUsage) };
		if (said.some(([name]) => name === 'output_tokens')) this.isCounted = true;
	}
}
