# The Quartus project, for quartus_sh; ./build calls it. Not built in CI, not tried with Quartus.
#
# Pins: FPGA_CLK1_50 alone is placed. The HPS's memory has places of its own, and its standards come from hps_sdram_p0_pin_assignments.tcl, which
# Platform Designer writes and ./build runs after synthesis.
package require ::quartus::project

set here [file dirname [file normalize [info script]]]
project_new -overwrite bluestem
foreach {name value} [list \
    FAMILY "Cyclone V" \
    DEVICE 5CSEBA6U23I7 \
    TOP_LEVEL_ENTITY top \
    PROJECT_OUTPUT_DIRECTORY output \
    SYSTEMVERILOG_FILE [file join $here top.sv] \
    SDC_FILE [file join $here bluestem.sdc] \
    QIP_FILE bluestem/synthesis/bluestem.qip \
    VERILOG_MACRO BLUESTEM_FULL_ADDERS=1 \
    VERILOG_INPUT_VERSION SYSTEMVERILOG_2005 \
    OPTIMIZATION_MODE "HIGH PERFORMANCE EFFORT" \
    NUM_PARALLEL_PROCESSORS ALL] {
  set_global_assignment -name $name $value
}
set_location_assignment PIN_V11 -to FPGA_CLK1_50
set_instance_assignment -name IO_STANDARD "3.3-V LVTTL" -to FPGA_CLK1_50
export_assignments
project_close
