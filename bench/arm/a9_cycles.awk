# Prices what bench/arm_insns.sh --kinds armhf printed for an 800 MHz Cortex-A9: docs/arm.md says where the prices come from.
#   bench/arm_insns.sh --kinds armhf | awk -f bench/arm/a9_cycles.awk
function price(group, cycles) { count[group] += $1; slots[group] += $1 * cycles }
/^==/ { next }
$2 == "(miss)" { misses[$3 " " $4] = $1; next }
$2 ~ /^v(ld|st)[1-4]/ && $4 == "aligned" { price("NEON loads and stores", 2); next }
$2 ~ /^v(ld|st)[1-4]/ { price("NEON loads and stores", 3); next }
$2 ~ /^v(ldr|str|ldm|stm|push|pop)/ { price("NEON loads and stores", 1); next }
$2 ~ /^v(aba|mul|mla|mls|zip|uzp|trn)\./ && $3 == "q" { price("NEON data, 2 cycles", 2); next }
$2 ~ /^vtbl/ { price("NEON data, 2 cycles", 2); next }
$2 ~ /^v/ { price("NEON data, 1 cycle", 1); next }
$2 ~ /^(ldr|str|ldm|stm|push|pop)/ { price("Arm loads and stores", 1); next }
{ price("other Arm", 1) }
END {
  for (group in count) {
    printf "%-24s %9d instructions %9d cycles\n", group, count[group], slots[group]
    if (group != "other Arm") shared += slots[group]
  }
  all = shared + slots["other Arm"]
  waits["l1d load"] = 25; waits["l1d store"] = 10; waits["l2 load"] = 100; waits["l2 store"] = 40
  for (kind in waits) {
    waiting += misses[kind] * waits[kind]
    printf "%-24s %9d lines        %9d cycles\n", "misses: " kind, misses[kind], misses[kind] * waits[kind]
  }
  printf "at 800 MHz: %.1f ms if nothing waits, %.1f ms if nothing overlaps\n", shared / 8e5, (all + waiting) / 8e5
}
