// Command configdoc writes the manual of repoint.toml from the structs of
// package config: their tags name the keys, their comments are the text.
//
//	go generate ./config
//
// A comment that the manual can be made from begins with the field's name and
// ends with a sentence "Default …", unless the key is a table or must be given.
// Names of other fields become the keys that they stand for; examples
// and quoted text become code.
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: configdoc DIRECTORY FILE")
		os.Exit(2)
	}
	if err := write(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintf(os.Stderr, "error: %v\n", err)
		os.Exit(1)
	}
}

func write(dir, file string) error {
	structs, err := read(dir)
	if err != nil {
		return err
	}
	text, err := render(structs)
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o644)
}
