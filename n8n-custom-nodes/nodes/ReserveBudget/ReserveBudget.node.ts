import type { IExecuteFunctions, INodeExecutionData, INodeType, INodeTypeDescription } from 'n8n-workflow';
import { NodeConnectionTypes } from 'n8n-workflow';

import { answerLimit, LONGEST_CLOUD_ANSWER, longestAnswerProperty } from '../../core/ask';
import type { ChatItem, Route, Target } from '../../core/chat';
import { isOver, nextTarget } from '../../core/chat';
import { forEachItem } from '../../core/items';
import type { Denial, StandIn } from '../../core/reservations';
import { reserve } from '../../core/reservations';
import { readStack } from '../../core/stack';

const OUTPUTS = ['Allowed', 'Denied'];
const ALLOWED = 0;
const DENIED = 1;

export class ReserveBudget implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Reserve Budget',
		name: 'reserveBudget',
		icon: { light: 'file:reserveBudget.svg', dark: 'file:reserveBudget.dark.svg' },
		group: ['transform'],
		version: 1,
		subtitle: 'the most that Claude can cost',
		description: 'Sets aside what the next Claude model can cost at most, so that no hard budget is ever passed',
		defaults: { name: 'Reserve Budget' },
		inputs: [NodeConnectionTypes.Main],
		outputs: OUTPUTS.map(() => NodeConnectionTypes.Main),
		outputNames: OUTPUTS,
		credentials: [{ name: 'hybridAiApi', required: true }],
		properties: [
			{
				displayName: 'Ask Claude asks for no longer answer than what was reserved here.',
				name: 'notice',
				type: 'notice',
				default: '',
			},
			longestAnswerProperty(LONGEST_CLOUD_ANSWER),
		],
	};

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		const stack = await readStack(this);
		const preset = this.getNodeParameter('maxTokens', 0) as number;
		const handle = async (item: ChatItem) => {
			if (isOver(item)) return { item, output: DENIED };
			const target = nextTarget(item, 'anthropic');
			// Ask Claude says that there is no model left.
			if (!target) return { item, output: ALLOWED };
			const { denied, ...allowed } = await reserve(stack, item, target, answerLimit(item, target, preset));
			if (denied) return { item: withoutCloud(item, target, denied), output: DENIED };
			return { item: { ...item, reservation: undefined, ...allowed }, output: ALLOWED };
		};
		// What fails here was not reserved: it must not leave by Allowed.
		return await forEachItem<ChatItem>(this, OUTPUTS.length, handle, DENIED);
	}
}

/** The item for the next node: it finds the local models that may answer, or the error. */
function withoutCloud(item: ChatItem, target: Target, { failure, standIn }: Denial): ChatItem {
	const tries = [...(item.tries ?? []), { model: target.model, ...failure }];
	const denied = { ...item, tries, error: failure, reservation: undefined };
	return item.route ? { ...denied, route: routeWithout(item.route, denied, standIn) } : denied;
}

function routeWithout(route: Route, item: ChatItem, standIn: StandIn): Route {
	// A stand-in's answer is not for others to get from the cache: their budget may allow a better one.
	const kept = { ...route, cache_key: null };
	if (standIn === 'none' || (standIn === 'routed' && route.decision !== 'local')) {
		return { ...kept, fallbacks: route.fallbacks.filter((target) => target.backend !== 'ollama') };
	}
	const best = standIn === 'best' && !nextTarget(item, 'ollama') ? route.local_fallback : null;
	return best ? { ...kept, fallbacks: [...route.fallbacks, best] } : kept;
}
