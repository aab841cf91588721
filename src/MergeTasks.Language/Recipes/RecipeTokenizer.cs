using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Language.Recipes;

/// <summary>
/// The sections <c>tokenizer</c> or <c>tokenizer_source</c>: the vocabulary of the output and where embedding rows come from.
/// </summary>
/// <param name="Source">Whose vocabulary the output gets; <c>union</c> where the section does not say.</param>
/// <param name="Location">Position of the key.</param>
internal sealed record RecipeTokenizer(RecipeVocabulary Source, SourceLocation Location)
{
    /// <summary>Tokens with a rule of their own, in the order written.</summary>
    public IReadOnlyList<RecipeToken> Tokens { get; init; } = [];

    /// <summary>The vocabulary size is rounded up to a multiple of this, if given; at least 1.</summary>
    public int? PadToMultipleOf { get; init; }
}

/// <summary>Whose vocabulary an output gets.</summary>
internal abstract record RecipeVocabulary
{
    /// <summary><c>union</c>: the base's tokens, then every new one of the other models.</summary>
    public sealed record Union : RecipeVocabulary;

    /// <summary><c>base</c>: the base's.</summary>
    public sealed record Base : RecipeVocabulary;

    /// <summary>One model's.</summary>
    /// <param name="Reference">The model.</param>
    public sealed record OfModel(RecipeModel Reference) : RecipeVocabulary;
}

/// <summary>A token whose embedding row is told where to come from.</summary>
/// <param name="Token">The token's text; it is added to the vocabulary where it is missing.</param>
/// <param name="Location">Position of the token.</param>
internal sealed record RecipeToken(string Token, SourceLocation Location)
{
    /// <summary>Where models that lack the token take its row from; <see langword="null"/>: as for all tokens.</summary>
    public RecipeTokenRow? Source { get; init; }

    /// <summary>Whether models that have the token take that row too.</summary>
    public bool IsForced { get; init; }
}

/// <summary>Where an embedding row comes from.</summary>
internal abstract record RecipeTokenRow
{
    /// <summary>The row of the same token in a model.</summary>
    /// <param name="Reference">The model.</param>
    public sealed record OfModel(RecipeModel Reference) : RecipeTokenRow;

    /// <summary>The row of another token in a model; one of <paramref name="Token"/> and <paramref name="TokenId"/> is given.</summary>
    /// <param name="Reference">The model.</param>
    /// <param name="Token">The other token's text.</param>
    /// <param name="TokenId">The other token's number, at least 0.</param>
    public sealed record OfToken(RecipeModel Reference, string? Token, int? TokenId) : RecipeTokenRow;

    /// <summary>Zeros.</summary>
    public sealed record Zero : RecipeTokenRow;
}
