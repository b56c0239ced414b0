package main

var nodeFields = []field{
	{path: "enabled", long: "enabled", form: asBoolean, usage: "false: it runs no processors"},
}
