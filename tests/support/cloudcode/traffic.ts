/** How many generation calls of each account are open at the same time, over all hosts of a world. */
export interface Traffic {
  /** One more is open; returns how many of this account were open before it. */
  begin(account: string): number;
  end(account: string): void;
  /** Open now. */
  open(account: string): number;
  /** The most that were ever open at once, calls that were turned away included. */
  most(account: string): number;
}

export function traffic(): Traffic {
  const open = new Map<string, number>();
  const most = new Map<string, number>();
  return {
    begin(account) {
      const before = open.get(account) ?? 0;
      open.set(account, before + 1);
      most.set(account, Math.max(most.get(account) ?? 0, before + 1));
      return before;
    },
    end: (account) => void open.set(account, (open.get(account) ?? 0) - 1),
    open: (account) => open.get(account) ?? 0,
    most: (account) => most.get(account) ?? 0,
  };
}
