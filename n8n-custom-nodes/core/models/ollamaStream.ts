/** A local answer as it is written: the pieces for the caller, and at the end the whole answer with its counts. */
import type { IDataObject } from 'n8n-workflow';

import type { Call } from '../ask';
import type { ChatItem, Target, Usage } from '../chat';
import { NO_USAGE } from '../chat';
import type { Piece } from '../pieces';
import { TransportError } from '../transport';
import { isStream, requestStream } from '../transportStream';
import { BrokenAnswer, brokenOff, cutShort } from './broken';
import type { ModelRequest } from './claudeStream';
import { LONGEST_SILENCE } from './claudeStream';
import type { OllamaCall, OllamaChat } from './ollama';
import { newToolUseId, ollamaFailure } from './ollama';

/**
 * Asks, sends the pieces as they come, and gives the document that the same request gives without streaming.
 * The scorer's count of the prompt stands in for one that never came. Throws Refusal; BrokenAnswer, which has
 * the usage so far, once the model began to answer.
 */
export async function streamOllama(request: ModelRequest, target: Target, call: Call, item: ChatItem): Promise<OllamaChat> {
	const promptTokens = item.route?.input_tokens ?? 0;
	const { signal, pieces } = call;
	const body = { ...request.body, stream: true };
	const response = await requestStream(request.url, { body, timeout: request.timeout, signal, format: 'ndjson', idle: LONGEST_SILENCE });
	if (!isStream(response)) throw ollamaFailure(response, target);
	const reader = new OllamaReader(item.tool_choice?.disable_parallel_tool_use === true);
	const usage = () => reader.usage(promptTokens);
	try {
		for await (const lines of response.events) {
			const written = lines.flatMap((line) => reader.read(line as OllamaLine));
			await pieces?.send(target.model, { ...NO_USAGE, input_tokens: promptTokens }, written);
			if (reader.error !== undefined) {
				const message = `${target.model} broke off its answer: ${reader.error}`;
				throw new BrokenAnswer({ status: 502, code: 'model_error', message }, target, usage());
			}
			if (reader.isWhole) return reader.chat;
		}
	} catch (error) {
		if (!(error instanceof TransportError)) throw error;
		throw new BrokenAnswer(brokenOff(error, target), target, usage());
	}
	throw new BrokenAnswer(cutShort(target, 'the stream ended early'), target, usage());
}

interface OllamaLine extends IDataObject {
	message?: IDataObject & { content?: string; thinking?: string };
	done?: boolean;
	error?: string;
}

/** Puts the lines of one answer together. */
class OllamaReader {
	chat: OllamaChat = {};
	error: string | undefined;
	isWhole = false;
	private text = '';
	private readonly calls: OllamaCall[] = [];
	/** Each line but the last brings one token. */
	private tokens = 0;

	constructor(private readonly oneCall: boolean) {}

	/** What the line gives the caller to read. */
	read(line: OllamaLine): Piece[] {
		if (line.error !== undefined) {
			this.error = String(line.error);
			return [];
		}
		const { content = '', thinking = '', tool_calls } = line.message ?? {};
		if (content !== '' || thinking !== '') this.tokens += 1;
		this.text += content;
		const written: Piece[] = content === '' ? [] : [{ type: 'text', text: content }];
		for (const call of (tool_calls ?? []) as OllamaCall[]) written.push(...this.call(call));
		if (line.done === true) this.finish(line);
		return written;
	}

	/** The tokens so far. */
	usage(promptTokens: number): Usage {
		return {
			...NO_USAGE,
			input_tokens: this.chat.prompt_eval_count ?? promptTokens,
			output_tokens: this.chat.eval_count ?? this.tokens,
		};
	}

	/** Ollama sends a call whole, and gives it no id that a result could name. */
	private call(call: OllamaCall): Piece[] {
		const index = this.calls.length;
		if (this.oneCall && index > 0) return [];
		const id = call.id || newToolUseId();
		this.calls.push({ ...call, id });
		const { arguments: given = {} } = call.function ?? {};
		const json = typeof given === 'string' ? given : JSON.stringify(given);
		return [
			{ type: 'tool', index, id, name: call.function?.name ?? '' },
			{ type: 'tool_input', index, json },
		];
	}

	private finish(line: OllamaLine): void {
		const calls = this.calls.length > 0 ? { tool_calls: this.calls } : {};
		const message: IDataObject = { role: 'assistant', ...line.message, content: this.text, ...calls };
		this.chat = { ...line, message };
		this.isWhole = true;
	}
}
