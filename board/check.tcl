# Runs the kit's Tcl against stubs of Platform Designer and Quartus; prints the component's ports, "name direction width", sorted.
#   tclsh board/check.tcl board/de10-nano
set kit [lindex $argv 0]
set ports {}
set instances {}

rename package real_package
proc package {command args} { if {$command ne "require"} { return [real_package $command {*}$args] } }

# Of the component.
foreach name {set_module_property add_fileset set_fileset_property add_interface set_interface_property set_parameter_property} {
  proc $name {args} {}
}
proc get_module_property {name} { return $::kit }
proc add_parameter {name type value} {}
proc add_fileset_file {name kind from path args} {
  if {![file exists $path] && ![file exists [file join $::kit $path]]} { error "$path: no such file" }
}
proc add_interface_port {interface name role direction width} {
  lappend ::ports "$name $direction $width"
}
source [file join $kit bluestem_engine_hw.tcl]
puts [join [lsort $ports] "\n"]

# Of the system: what is connected, exported or set is there.
proc of_instance {name} {
  set instance [lindex [split $name .] 0]
  if {$instance ni $::instances} { error "$name: no instance $instance" }
}
foreach name {create_system set_project_property save_system} { proc $name {args} {} }
proc add_instance {name kind} { lappend ::instances $name }
proc set_instance_parameter_value {instance name value} { of_instance $instance }
proc add_connection {from to} { of_instance $from; of_instance $to; lappend ::connections $from/$to }
proc set_connection_parameter_value {connection name value} {
  if {$connection ni $::connections} { error "$connection: not connected" }
}
proc set_interface_property {interface name value} { if {$name eq "EXPORT_OF"} { of_instance $value } }
source [file join $kit system.tcl]

# Of the project.
foreach name {project_new set_global_assignment set_location_assignment set_instance_assignment export_assignments project_close} {
  proc $name {args} {}
}
source [file join $kit project.tcl]
