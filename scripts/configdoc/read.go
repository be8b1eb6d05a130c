package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
)

// described is a type of the package: its comment and, of a struct, the fields.
type described struct {
	doc    string
	fields []field
}

// field is one field that has a key.
type field struct {
	name, key string
	of        string // its type, as in the source
	doc       string
	fromRepo  bool // the repository's file may set it
}

// read finds the types that the package in dir exports, by name.
func read(dir string) (map[string]described, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	types := make(map[string]described)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, decl := range file.Decls {
			if err := readDecl(decl, types); err != nil {
				return nil, fmt.Errorf("reading %s: %w", name, err)
			}
		}
	}
	return types, nil
}

func readDecl(decl ast.Decl, types map[string]described) error {
	gen, ok := decl.(*ast.GenDecl)
	if !ok || gen.Tok != token.TYPE {
		return nil
	}
	for _, spec := range gen.Specs {
		spec := spec.(*ast.TypeSpec)
		if !spec.Name.IsExported() {
			continue
		}
		d := described{doc: gen.Doc.Text()}
		if body, ok := spec.Type.(*ast.StructType); ok {
			var err error
			if d.fields, err = readFields(body); err != nil {
				return fmt.Errorf("type %s: %w", spec.Name, err)
			}
		}
		types[spec.Name.Name] = d
	}
	return nil
}

func readFields(body *ast.StructType) ([]field, error) {
	var fields []field
	for _, f := range body.Fields.List {
		if f.Tag == nil || len(f.Names) != 1 {
			continue
		}
		raw, err := strconv.Unquote(f.Tag.Value)
		if err != nil {
			return nil, err
		}
		of, err := typeName(f.Type)
		if err != nil {
			return nil, err
		}
		tag := reflect.StructTag(raw)
		fields = append(fields, field{
			name: f.Names[0].Name, key: tag.Get("toml"), of: of, doc: f.Doc.Text(), fromRepo: tag.Get("from") == "repository",
		})
	}
	return fields, nil
}

func typeName(e ast.Expr) (string, error) {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name, nil
	case *ast.ArrayType:
		of, err := typeName(e.Elt)
		return "[]" + of, err
	}
	return "", fmt.Errorf("a field of a type %T has no words in the manual", e)
}
