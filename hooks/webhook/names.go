package webhook

import "strings"

// What each forge can tell besides pushes and pings, by its documentation and,
// for Gitea, GitLab and Gogs, its source. A name that is not here is refused.

func githubEvents() []string {
	return strings.Fields(`
branch_protection_configuration branch_protection_rule check_run check_suite code_scanning_alert commit_comment
create custom_property custom_property_promoted_to_enterprise custom_property_values delete dependabot_alert
deploy_key deployment deployment_protection_rule deployment_review deployment_status discussion
discussion_comment fork github_app_authorization gollum installation installation_repositories
installation_target integration_installation integration_installation_repositories issue_comment
issue_dependencies issues label marketplace_purchase member membership merge_group meta milestone org_block
organization package page_build personal_access_token_request project project_card project_column projects_v2
projects_v2_item projects_v2_status_update public pull_request pull_request_review pull_request_review_comment
pull_request_review_thread registry_package release repository repository_advisory repository_dispatch
repository_import repository_ruleset repository_vulnerability_alert secret_scanning_alert
secret_scanning_alert_location secret_scanning_scan security_advisory security_and_analysis sponsorship star
status sub_issues team team_add watch workflow_dispatch workflow_job workflow_run`)
}

func gitlabEvents() []string {
	events := strings.Split("Build,Confidential Issue,Confidential Note,Deployment,Emoji,Feature Flag,Issue,Job,"+
		"Member,Member Approval,Merge Request,Milestone,Note,Pipeline,Project,Release,Resource Access Token,"+
		"Resource Deploy Token,Subgroup,Vulnerability,Wiki Page,Work Item", ",")
	for i, event := range events {
		events[i] = event + " Hook"
	}
	return append(events, gitlabSystem)
}

func giteaEvents() []string {
	return strings.Fields(`
action_run_failure action_run_recover action_run_success create fork issue_assign issue_comment issue_label
issue_milestone issues package pull_request pull_request_approved pull_request_assign pull_request_comment
pull_request_label pull_request_milestone pull_request_rejected pull_request_review pull_request_review_approved
pull_request_review_comment pull_request_review_rejected pull_request_review_request pull_request_sync release
repository schedule status wiki workflow_job workflow_run`)
}

func gogsEvents() []string {
	return strings.Fields("create fork issue_comment issues pull_request release")
}

func bitbucketEvents() []string {
	return strings.Fields(`
issue:comment_created issue:created issue:updated project:updated pullrequest:approved
pullrequest:changes_request_created pullrequest:changes_request_removed pullrequest:comment_created
pullrequest:comment_deleted pullrequest:comment_reopened pullrequest:comment_resolved pullrequest:comment_updated
pullrequest:created pullrequest:fulfilled pullrequest:push pullrequest:rejected pullrequest:unapproved
pullrequest:updated repo:commit_comment_created repo:commit_status_created repo:commit_status_updated
repo:created repo:deleted repo:fork repo:imported repo:transfer repo:updated`)
}

func bitbucketServerEvents() []string {
	return strings.Fields(`
mirror:repo_synchronized pr:comment:added pr:comment:deleted pr:comment:edited pr:declined pr:deleted
pr:from_ref_updated pr:merged pr:modified pr:opened pr:reviewer:approved pr:reviewer:changes_requested
pr:reviewer:needs_work pr:reviewer:unapproved pr:reviewer:updated pr:to_ref_updated project:modified
repo:comment:added repo:comment:deleted repo:comment:edited repo:forked repo:modified repo:refs_changed
repo:secret_detected`)
}
