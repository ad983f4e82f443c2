# Platform Designer component: the engine. Not built in CI, not tried with Quartus; board/check sees that it parses and that its ports are those
# of bluestem_engine_top.sv.
package require -exact qsys 16.0

set_module_property NAME bluestem_engine
set_module_property DISPLAY_NAME "Bluestem engine"
set_module_property DESCRIPTION "Convolutions of 1-bit weights and 2-bit codes, by command lists"
set_module_property GROUP "Bluestem"
set_module_property VERSION 1.0
set_module_property INTERNAL false
set_module_property EDITABLE false

set rtl [file normalize [file join [get_module_property MODULE_DIRECTORY] .. .. bluestem fpga rtl]]
foreach fileset {QUARTUS_SYNTH SIM_VERILOG} {
  add_fileset $fileset $fileset "" ""
  set_fileset_property $fileset TOP_LEVEL bluestem_engine_top
  add_fileset_file bluestem_engine_top.sv SYSTEM_VERILOG PATH bluestem_engine_top.sv TOP_LEVEL_FILE
  foreach file [lsort [glob -directory $rtl *.sv]] {
    add_fileset_file [file tail $file] SYSTEM_VERILOG PATH $file
  }
}

# What the driver reads from the capability registers; a model that needs more is refused by name. bluestem/fpga/rtl/builds.txt has sets of them.
foreach {name default} {PIXELS 4 OUTPUTS 32 BANK_WORDS 8192 WEIGHT_WORDS 1024 TAPS 512 THRESHOLD_BLOCKS 64 RESIDUAL 1} {
  add_parameter $name INTEGER $default
  set_parameter_property $name HDL_PARAMETER true
}

add_interface clock clock sink
add_interface_port clock clk clk Input 1

add_interface reset reset sink
set_interface_property reset associatedClock clock
set_interface_property reset synchronousEdges BOTH
add_interface_port reset rst reset Input 1

# Adds the ports of an AXI interface: {signal direction width}.
proc add_axi_ports {interface signals} {
  foreach {signal direction width} $signals {
    add_interface_port $interface ${interface}_$signal $signal $direction $width
  }
}

add_interface s axi4lite slave
set_interface_property s associatedClock clock
set_interface_property s associatedReset reset
set_interface_property s readAcceptanceCapability 1
set_interface_property s writeAcceptanceCapability 1
set_interface_property s combinedAcceptanceCapability 2
add_axi_ports s {
  awaddr Input 12  awprot Input 3  awvalid Input 1  awready Output 1
  wdata Input 32   wstrb Input 4   wvalid Input 1   wready Output 1
  bresp Output 2   bvalid Output 1 bready Input 1
  araddr Input 12  arprot Input 3  arvalid Input 1  arready Output 1
  rdata Output 32  rresp Output 2  rvalid Output 1  rready Input 1
}

# Four bursts may be open each way (burst_splitter.sv).
add_interface m axi master
set_interface_property m associatedClock clock
set_interface_property m associatedReset reset
set_interface_property m readIssuingCapability 4
set_interface_property m writeIssuingCapability 4
set_interface_property m combinedIssuingCapability 8
add_axi_ports m {
  awid Output 1    awaddr Output 32  awlen Output 4   awsize Output 3   awburst Output 2
  awlock Output 2  awcache Output 4  awprot Output 3  awuser Output 5   awvalid Output 1  awready Input 1
  wid Output 1     wdata Output 64   wstrb Output 8   wlast Output 1    wvalid Output 1   wready Input 1
  bid Input 1      bresp Input 2     bvalid Input 1   bready Output 1
  arid Output 1    araddr Output 32  arlen Output 4   arsize Output 3   arburst Output 2
  arlock Output 2  arcache Output 4  arprot Output 3  aruser Output 5   arvalid Output 1  arready Input 1
  rid Input 1      rdata Input 64    rresp Input 2    rlast Input 1     rvalid Input 1    rready Output 1
}

add_interface interrupt interrupt sender
set_interface_property interrupt associatedClock clock
set_interface_property interrupt associatedReset reset
set_interface_property interrupt associatedAddressablePoint s
add_interface_port interrupt irq irq Output 1
