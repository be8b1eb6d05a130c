<?php
// The commit comes from three files: header, body by include, body by the
// document root. A mix of two releases would show.
require __DIR__ . '/release.php';
header('X-Commit: ' . release());
header('X-OPcache-Hits: ' . (opcache_get_status(false)['opcache_statistics']['hits'] ?? 0));
require __DIR__ . '/page.php';
readfile($_SERVER['DOCUMENT_ROOT'] . '/commit.txt');
