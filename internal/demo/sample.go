package demo

// The sample app: a page that a build hook makes from a template. Its
// repository carries its own repoint.toml.
var sample = map[string]string{
	"repoint.toml": `# The build hook runs in the new tree before anybody can see it.
[hooks]
build = "sh build.sh"
`,
	"build.sh": `set -e
echo "building for $REPOINT_APP"
mkdir -p public
{ cat page.html; echo "<p>commit <code>$REPOINT_COMMIT</code></p>"; } > public/index.html
echo "public/index.html is ready"
`,
}

const brokenBuild = `echo "compiling ..."
echo "page.html:3: unexpected end of file" >&2
exit 1
`

// leadAll is the hub's own configuration: it builds, and serves nothing itself.
const leadAll = `[fleet]
agents = ["*"]
serve_here = false
`

// refuseThree is the configuration of a machine on which the third version cannot
// prove itself.
const refuseThree = `[reload]
run = "! grep -q three public/index.html"
`

// page is the one file in which versions of the sample differ.
func page(version string) map[string]string {
	return map[string]string{"page.html": `<!doctype html>
<title>Sample</title>
<p>version <b>` + version + `</b></p>
`}
}
