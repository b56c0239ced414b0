// Package worker runs the code of processors in operating-system processes of their own.
//
// A Launcher starts workers. Each one is an interpreter that has imported the
// processor's module and runs one call at a time, and beside it a watchdog that
// leaves no process behind, whatever dies. DESIGN.md tells how and why.
package worker
