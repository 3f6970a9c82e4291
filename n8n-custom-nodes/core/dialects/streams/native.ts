/** The stack's own stream: `token` events with the text, then `done` with the whole document, or `error`. */
import type { IDataObject } from 'n8n-workflow';

import type { Piece } from '../../pieces';
import type { StreamEncoder } from './encoder';
import { COMMENT, sse } from './encoder';

export class NativeStream implements StreamEncoder {
	piece(piece: Piece): string {
		switch (piece.type) {
			case 'text':
				return token(piece.text);
			case 'tool':
			case 'tool_input': {
				const { type, ...data } = piece;
				return sse(JSON.stringify(data), type);
			}
			default:
				return '';
		}
	}

	/** With the whole text again: who has no use for tokens reads the last event only. */
	close(document: IDataObject): string {
		return sse(JSON.stringify(document), 'done');
	}

	whole(document: IDataObject): string {
		const { response } = document;
		return (typeof response === 'string' && response !== '' ? token(response) : '') + this.close(document);
	}

	failure(document: IDataObject): string {
		return sse(JSON.stringify(document), 'error');
	}

	keepAlive(): string {
		return COMMENT;
	}
}

function token(text: string): string {
	return sse(`{"text":${JSON.stringify(text)}}`, 'token');
}
