"""What is done to a motion after the generator: lips that touch, lids that close, mouths that rest."""
