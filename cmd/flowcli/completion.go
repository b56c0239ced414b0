package main

import (
	"bytes"
	"strings"

	"github.com/spf13/cobra"
)

// addCompletion adds the verb that prints a shell's completion script. The one
// for bash works without the bash-completion package, which many servers lack.
func addCompletion(c *cli, root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	bash, _, err := root.Find([]string{"completion", "bash"})
	if err != nil {
		return // cobra leaves the verb out where it has nothing to complete
	}
	bash.RunE = func(cmd *cobra.Command, _ []string) error {
		var script bytes.Buffer
		if err := root.GenBashCompletionV2(&script, true); err != nil {
			return err
		}
		_, err := c.out.Write([]byte(strings.Replace(script.String(), packageWords, ownWords, 1)))
		return err
	}
}

// packageWords is how cobra's script asks the bash-completion package for the
// words of the command line; ownWords does without, where it has to. A word
// with a colon or an equals sign is then several.
const (
	packageWords = `    _get_comp_words_by_ref "$@" cur prev words cword
`
	ownWords = `    if declare -F _get_comp_words_by_ref >/dev/null 2>&1; then
        _get_comp_words_by_ref "$@" cur prev words cword
        return
    fi
    words=("${COMP_WORDS[@]}")
    cword=$COMP_CWORD
    cur=${words[cword]}
    prev=${words[cword-1]}
`
)
