/**
 * How long something took, for people: "340 ms", "3.4 s", "2 min 5 s", "1 h 2 min". Rounded to what is shown; less than
 * nothing is "0 ms". For time that is still to pass there is `durationText`, which never promises too little.
 */
export function spentText(ms: number): string {
  const whole = Math.max(0, Math.round(ms));
  if (whole < 1_000) return `${whole} ms`;
  const tenths = Math.round(whole / 100);
  if (tenths < 600) return `${tenths % 10 === 0 ? tenths / 10 : (tenths / 10).toFixed(1)} s`;
  const seconds = Math.round(whole / 1_000);
  if (seconds < 3_600) return inTwo(Math.floor(seconds / 60), "min", seconds % 60, "s");
  const minutes = Math.round(seconds / 60);
  return inTwo(Math.floor(minutes / 60), "h", minutes % 60, "min");
}

function inTwo(main: number, unit: string, rest: number, restUnit: string): string {
  return rest === 0 ? `${main} ${unit}` : `${main} ${unit} ${rest} ${restUnit}`;
}
