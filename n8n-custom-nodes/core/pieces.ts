/** The parts of an answer that go to the caller while the model still writes. */
import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';

import type { Usage } from './chat';

export type Piece =
	/** The first of an answer: by the catalogue's name the model that writes, and what is known of its usage. */
	| { type: 'start'; model: string; usage: Usage | null }
	| { type: 'text'; text: string }
	/** A call of a tool begins; `index` counts the calls of the answer. */
	| { type: 'tool'; index: number; id: string; name: string }
	/** The next characters of the JSON of a call's input. */
	| { type: 'tool_input'; index: number; json: string }
	/** An event of Anthropic's stream, for callers of that dialect only. */
	| { type: 'raw'; event: IDataObject };

/** What `sendPieces` sends as the content of a chunk. */
export interface PiecesChunk {
	hybrid_ai_pieces: Piece[];
}

/** Sends what the model just wrote to whoever waits at the trigger. */
export async function sendPieces(node: IExecuteFunctions, itemIndex: number, pieces: Piece[]): Promise<void> {
	await node.sendChunk('item', itemIndex, { hybrid_ai_pieces: pieces } satisfies PiecesChunk as unknown as IDataObject);
}

/** Sends the pieces of one answer. */
export class PieceSender {
	/** Whether the caller has a piece: from then on no other model can answer. */
	sent = false;

	constructor(
		private readonly node: IExecuteFunctions,
		private readonly itemIndex: number,
		/** Whether the caller understands Anthropic's events, and gets them as they are. */
		readonly raw: boolean,
	) {}

	/** The usage that is known at the first piece goes before it. */
	async send(model: string, usage: Usage | null, pieces: Piece[]): Promise<void> {
		if (pieces.length === 0) return;
		const start: Piece[] = this.sent ? [] : [{ type: 'start', model, usage }];
		this.sent = true;
		await sendPieces(this.node, this.itemIndex, [...start, ...pieces]);
	}
}
