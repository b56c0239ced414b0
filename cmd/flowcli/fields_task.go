package main

var taskFields = []field{
	{path: "task.code", long: "code", short: "c", form: asTextFile, usage: "file with the function that is put in the place of the repository's"},
	{path: "task.mixin", long: "mixin", form: asSwitch, usage: "the module has no such function: it is mixed in as a new one"},
}
