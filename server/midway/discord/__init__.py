"""What Discord and Midjourney's bot say and accept. Knows no Task and no Store."""
