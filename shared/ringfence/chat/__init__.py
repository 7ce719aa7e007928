"""How people are asked. A chat carries a question and a vote; it never decides."""
