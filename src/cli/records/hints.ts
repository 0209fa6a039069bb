/** Why there may be nothing to show. */
export function noRecordsHint(): string {
  return "Records are written by ag serve; ag serve --demo keeps none on disk";
}
