/** OpenAI's stream: chunks of a chat completion, then `[DONE]`. */
import type { IDataObject } from 'n8n-workflow';

import type { Piece } from '../../pieces';
import type { Streamed, StreamEncoder } from './encoder';
import { COMMENT, sse } from './encoder';

const FIRST = '{"role":"assistant","content":"","refusal":null}';

interface ToolCall {
	id: string;
	function: { name: string; arguments: string };
}

interface Choice {
	message: { content?: string | null; tool_calls?: ToolCall[] };
	finish_reason: string;
}

export class OpenAiStream implements StreamEncoder {
	/** All that is the same in every chunk of the answer: a chunk costs no more than its own few characters. */
	private head = '';

	constructor(private readonly about: Streamed) {}

	piece(piece: Piece): string {
		switch (piece.type) {
			case 'start':
				return this.open(piece.model);
			case 'text':
				return this.chunk(`{"content":${JSON.stringify(piece.text)}}`);
			case 'tool':
				return this.tool({ index: piece.index, id: piece.id, type: 'function', function: { name: piece.name, arguments: '' } });
			case 'tool_input':
				return this.tool({ index: piece.index, function: { arguments: piece.json } });
			default:
				return '';
		}
	}

	close(document: IDataObject): string {
		const { finish_reason } = firstChoice(document);
		const more = document.hybrid_ai ? { hybrid_ai: document.hybrid_ai } : {};
		const last = this.chunk('{}', finish_reason, more);
		return last + (this.about.include_usage ? this.usage(document.usage) : '') + sse('[DONE]');
	}

	whole(document: IDataObject): string {
		const { message } = firstChoice(document);
		const opened = this.open(String(document.model ?? ''));
		const text = message.content ? this.piece({ type: 'text', text: message.content }) : '';
		const calls = (message.tool_calls ?? []).map(({ id, function: called }, index) =>
			this.tool({ index, id, type: 'function', function: { ...called } }),
		);
		return opened + text + calls.join('') + this.close(document);
	}

	/** Without `[DONE]`: what came is no whole answer. The SDKs raise the error. */
	failure(document: IDataObject): string {
		return sse(JSON.stringify(document));
	}

	keepAlive(): string {
		return COMMENT;
	}

	private open(model: string): string {
		const { request_id, received_at } = this.about;
		const created = Math.floor(received_at / 1000);
		const same = JSON.stringify({ id: `chatcmpl-${request_id}`, object: 'chat.completion.chunk', created, model });
		this.head = same.slice(0, -1);
		return this.chunk(FIRST);
	}

	private tool(call: IDataObject): string {
		return this.chunk(JSON.stringify({ tool_calls: [call] }));
	}

	private chunk(delta: string, finishReason: string | null = null, more: IDataObject = {}): string {
		const choice = `{"index":0,"delta":${delta},"logprobs":null,"finish_reason":${JSON.stringify(finishReason)}}`;
		const added = Object.entries(more).map(([name, value]) => `,${JSON.stringify(name)}:${JSON.stringify(value)}`);
		return sse(`${this.head},"choices":[${choice}]${this.about.include_usage ? ',"usage":null' : ''}${added.join('')}}`);
	}

	private usage(usage: unknown): string {
		return sse(`${this.head},"choices":[],"usage":${JSON.stringify(usage ?? null)}}`);
	}
}

function firstChoice(document: IDataObject): Choice {
	return (document.choices as unknown as Choice[])[0]!;
}
