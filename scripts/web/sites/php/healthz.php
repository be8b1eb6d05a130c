<?php
require __DIR__ . '/release.php';
header('X-Commit: ' . release());
http_response_code(file_exists(__DIR__ . '/broken') ? 500 : 200);
echo "that is how it is\n";
