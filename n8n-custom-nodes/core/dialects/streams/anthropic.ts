/** Anthropic's stream of a message, as its official SDKs read it. */
import type { IDataObject } from 'n8n-workflow';

import type { Block, Usage } from '../../chat';
import type { Piece } from '../../pieces';
import type { Streamed, StreamEncoder } from './encoder';
import { sse } from './encoder';

export class AnthropicStream implements StreamEncoder {
	/** The number of the block that is being written, -1 before the first. */
	private index = -1;
	private openBlock: 'text' | 'tool' | undefined;

	constructor(private readonly about: Pick<Streamed, 'request_id'>) {}

	piece(piece: Piece): string {
		switch (piece.type) {
			case 'start':
				return this.start(`msg_${this.about.request_id}`, piece.model, toAnthropic(piece.usage));
			case 'raw':
				return event(piece.event);
			case 'text':
				return (this.openBlock === 'text' ? '' : this.begin('text', { type: 'text', text: '' })) + this.delta({ type: 'text_delta', text: piece.text });
			case 'tool':
				return this.begin('tool', { type: 'tool_use', id: piece.id, name: piece.name, input: {} });
			case 'tool_input':
				return this.delta({ type: 'input_json_delta', partial_json: piece.json });
		}
	}

	close(document: IDataObject): string {
		const { stop_reason = null, stop_sequence = null, container, usage } = document;
		const delta = event({ type: 'message_delta', delta: { stop_reason, stop_sequence, container }, usage });
		return this.stop() + delta + event({ type: 'message_stop' });
	}

	whole(document: IDataObject): string {
		const usage = { ...(document.usage as IDataObject | undefined), output_tokens: 0 };
		const blocks = ((document.content ?? []) as Block[]).map((block) => this.block(block));
		return this.start(String(document.id), String(document.model), usage) + blocks.join('') + this.close(document);
	}

	failure(document: IDataObject): string {
		return event({ type: 'error', ...document });
	}

	keepAlive(): string {
		return event({ type: 'ping' });
	}

	private start(id: string, model: string, usage: IDataObject): string {
		const message = { id, type: 'message', role: 'assistant', model, content: [], stop_reason: null, stop_sequence: null, usage };
		return event({ type: 'message_start', message });
	}

	private block(block: Block): string {
		switch (block.type) {
			case 'text':
				return this.begin('text', { ...block, text: '' }) + this.delta({ type: 'text_delta', text: block.text });
			case 'tool_use':
				return this.begin('tool', { ...block, input: {} }) + this.delta({ type: 'input_json_delta', partial_json: JSON.stringify(block.input) });
			case 'thinking': {
				const begun = this.begin('text', { ...block, thinking: '', signature: '' });
				const text = this.delta({ type: 'thinking_delta', thinking: block.thinking });
				this.openBlock = 'tool';
				return begun + text + this.delta({ type: 'signature_delta', signature: block.signature });
			}
			default:
				return this.begin('tool', block);
		}
	}

	private begin(kind: 'text' | 'tool', content_block: IDataObject): string {
		const ended = this.stop();
		this.openBlock = kind;
		return ended + event({ type: 'content_block_start', index: ++this.index, content_block });
	}

	private delta(delta: IDataObject): string {
		return event({ type: 'content_block_delta', index: this.index, delta });
	}

	private stop(): string {
		if (!this.openBlock) return '';
		this.openBlock = undefined;
		return event({ type: 'content_block_stop', index: this.index });
	}
}

function event(data: IDataObject): string {
	return sse(JSON.stringify(data), String(data.type));
}

/** What is known at the first piece; the last event has the whole of it. */
function toAnthropic(usage: Usage | null): IDataObject {
	return {
		input_tokens: usage?.input_tokens ?? 0,
		cache_creation_input_tokens: usage ? usage.cache_write_5m_tokens + usage.cache_write_1h_tokens : 0,
		cache_read_input_tokens: usage?.cache_read_tokens ?? 0,
		output_tokens: 0,
	};
}
