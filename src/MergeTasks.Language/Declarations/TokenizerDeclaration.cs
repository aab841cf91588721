using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Language.Declarations;

/// <summary>Whose vocabulary an output gets.</summary>
internal enum VocabularySource
{
    /// <summary>The base's tokens, then every new one of the other models in their order.</summary>
    Union,

    /// <summary>The base's (without a base, the first model's).</summary>
    Base,

    /// <summary>One model's.</summary>
    Model,
}

/// <summary>The vocabulary of an output whose models have different ones.</summary>
/// <param name="Source">Whose it is.</param>
/// <param name="Location">Where that is said.</param>
internal sealed record TokenizerDeclaration(VocabularySource Source, SourceLocation Location)
{
    /// <summary>The model of <see cref="VocabularySource.Model"/>.</summary>
    public ModelDeclaration? Model { get; init; }

    /// <summary>Tokens with rules of their own.</summary>
    public IReadOnlyList<TokenRule> Tokens { get; init; } = [];

    /// <summary>The number of embedding rows is rounded up to a multiple of this; <see langword="null"/>: it is not.</summary>
    public int? PadToMultipleOf { get; init; }
}

/// <summary>Where the row of a token comes from in models that lack it.</summary>
internal enum TokenRowSource
{
    /// <summary>As for tokens without a rule.</summary>
    Default,

    /// <summary>A row of a model: of the same token, or of the one that the rule names.</summary>
    Model,

    /// <summary>Zeros.</summary>
    Zero,
}

/// <summary>A rule for one token's embedding row.</summary>
/// <param name="Token">The token; it is added where the vocabulary lacks it.</param>
/// <param name="Location">Where the rule stands.</param>
internal sealed record TokenRule(string Token, SourceLocation Location)
{
    /// <summary>Where the row comes from.</summary>
    public TokenRowSource Source { get; init; }

    /// <summary>The model of <see cref="TokenRowSource.Model"/>.</summary>
    public ModelDeclaration? Model { get; init; }

    /// <summary>Another token of that model, by its text.</summary>
    public string? OtherToken { get; init; }

    /// <summary>Another token of that model, by its number.</summary>
    public int? OtherTokenId { get; init; }

    /// <summary>Whether models that have the token take that row too.</summary>
    public bool IsForced { get; init; }
}

/// <summary>The chat template of an output.</summary>
/// <param name="Text"><c>auto</c>, the name of a built-in template, or the template itself.</param>
/// <param name="Location">Where it stands.</param>
internal sealed record ChatTemplateDeclaration(string Text, SourceLocation Location);
