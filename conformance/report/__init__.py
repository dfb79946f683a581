"""What a run found, and the files that tell it: JSON, HTML, JUnit, Allure."""
