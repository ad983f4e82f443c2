# Arrival times over a flat netlist (BLIF) of Cyclone V's cells: tools/fpga_timing. In picoseconds, the delays of Yosys'
# techlibs/intel_alm/common/*_sim.v. A source is a register, a memory or an input of the engine; an end is a register's input,
# a memory's, or an output.
function delays(type, text,   list, n, i, pair) {
  n = split(text, list, " ")
  for (i = 1; i <= n; i++) {
    split(list[i], pair, "=")
    delay[type, pair[1]] = pair[2]
  }
  combinational[type]
}
BEGIN {
  delays("MISTRAL_ALUT6", "A=605 B=583 C=510 D=512 E=400 F=97")
  delays("MISTRAL_ALUT5", "A=583 B=510 C=512 D=400 E=97")
  delays("MISTRAL_ALUT4", "A=510 B=512 C=400 D=97")
  delays("MISTRAL_ALUT3", "A=510 B=400 C=97")
  delays("MISTRAL_ALUT2", "A=400 B=97")
  delays("MISTRAL_NOT", "A=97")
  delays("MISTRAL_MUL27X27", "A=3732 B=3928")
  delays("MISTRAL_MUL18X18", "A=3180 B=3982")
  delays("MISTRAL_MUL9X9", "A=2818 B=3051")
  delays("MISTRAL_MLAB", "B1ADDR=487")
  delays("MISTRAL_ALUT_ARITH", "A=1342 B=1323 C=927 D0=887 D1=785 CI=368")
  delays("CARRY", "A=1082 B=1062 C=813 D0=866 D1=1198 CI=36")
  Ff = 731; M10k = 1004
}
function begin_at(net, time) { arrival[net] = time; from[net] = "" }
$1 == ".inputs" { for (i = 2; i <= NF; i++) begin_at($i, Ff) }
$1 == ".outputs" { for (i = 2; i <= NF; i++) end_at("output " $i, $i, 0) }
function end_at(name, net, setup) { ends++; end_name[ends] = name; end_net[ends] = net; end_setup[ends] = setup; load[net]++ }
$1 == ".subckt" {
  type = $2
  outs = ""; ins = ""; q = ""
  for (i = 3; i <= NF; i++) {
    at = index($i, "=")
    pin = substr($i, 1, at - 1)
    net = substr($i, at + 1)
    if (net ~ /^\$(true|false|undef)$/ || pin ~ /^CLK/) continue
    if (pin ~ /^(Q|SO|CO|Y\[|B1DATA)/) outs = outs " " pin "=" net
    else ins = ins " " pin "=" net
  }
  n_out = split(outs, out, " ")
  if (type == "MISTRAL_FF" || type == "MISTRAL_M10K") {
    for (i = 1; i <= n_out; i++) {
      net = substr(out[i], index(out[i], "=") + 1)
      begin_at(net, type == "MISTRAL_FF" ? Ff : M10k)
      q = net
    }
    n_in = split(ins, list, " ")
    for (i = 1; i <= n_in; i++) {
      at = index(list[i], "=")
      pin = substr(list[i], 1, at - 1)
      end_at(q " " pin, substr(list[i], at + 1), type == "MISTRAL_FF" ? 0 : 161)
      if (pin == "DATAIN") own[ends]
    }
    next
  }
  if (!(type in combinational)) { print "unknown cell " type; next }
  cell++
  kind[cell] = type
  cell_in[cell] = ins
  cell_out[cell] = outs
  n_in = split(ins, list, " ")
  for (i = 1; i <= n_in; i++) {
    net = substr(list[i], index(list[i], "=") + 1)
    load[net]++
    takers[net] = takers[net] " " cell
  }
  waits[cell] = n_in
  for (i = 1; i <= n_out; i++) driver[substr(out[i], index(out[i], "=") + 1)] = cell
}
# Of the wire from what drives `net`.
function wire(net,   l, extra) {
  l = load[net]
  extra = l > 16 ? 50 * log(l / 16) / log(2) : 0
  return hop + extra
}
function finish(net,   list, n, i) {  # its time is known: cells that only waited for it
  n = split(takers[net], list, " ")
  for (i = 1; i <= n; i++) if (--waits[list[i]] == 0) queue[++tail] = list[i]
}
function reckon(c,   n_in, n_out, list, out, i, j, pin, net, o, table, bare, t, time) {
  n_in = split(cell_in[c], list, " ")
  n_out = split(cell_out[c], out, " ")
  for (j = 1; j <= n_out; j++) {
    o = substr(out[j], index(out[j], "=") + 1)
    table = out[j] ~ /^CO=/ ? "CARRY" : kind[c]
    time = 0
    for (i = 1; i <= n_in; i++) {
      pin = list[i]; sub(/=.*/, "", pin)
      net = substr(list[i], index(list[i], "=") + 1)
      bare = pin; sub(/\[.*/, "", bare)
      if (!((table, bare) in delay)) continue
      t = arrival[net] + (pin == "CI" ? 0 : wire(net)) + delay[table, bare]
      if (t > time) { time = t; from[o] = net }
    }
    if (time == 0) time = Ff
    arrival[o] = time
    finish(o)
  }
}
END {
  for (net in arrival) known[net]
  for (c = 1; c <= cell; c++) if (waits[c] == 0) queue[++tail] = c
  for (net in known) finish(net)
  for (head = 1; head <= tail; head++) reckon(queue[head])
  if (tail != cell) { print "fpga_timing: " cell - tail " cells hang on a loop, or on nothing"; exit 1 }
  for (e = 1; e <= ends; e++) {
    net = end_net[e]
    time = arrival[net] + end_setup[e]
    if (!((e in own) && (net in driver))) time += wire(net)
    total[e] = time
    if (time > longest) longest = time
    if (time > 8000) over++
    short = end_name[e]
    gsub(/\[[0-9:]+\]/, "[]", short)
    if (time > worst[short]) { worst[short] = time; worst_end[short] = e }
    many[short] += time > 8000
  }
  for (k = 1; k <= paths; k++) {
    best = ""
    for (s in worst) if (best == "" || worst[s] > worst[best]) best = s
    if (best == "") break
    text = ""; levels = 0
    for (net = end_net[worst_end[best]]; net != ""; net = from[net]) {
      if (net in driver && kind[driver[net]] !~ /ARITH/) levels++
      if (from[net] == "") text = "from " net
      else if (kind[driver[net]] ~ /ARITH/ && kind[driver[from[net]]] !~ /ARITH/) levels++
    }
    printf "%6.2f ns, %d levels: %s %s", worst[best] / 1000, levels, best, text
    printf (many[best] ? " (%d ends over 8 ns)\n" : "\n"), many[best]
    delete worst[best]
  }
  print "longest", longest, over + 0, ends
}
