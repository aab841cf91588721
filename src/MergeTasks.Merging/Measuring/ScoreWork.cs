using System.Globalization;

namespace MergeTasks.Merging.Measuring;

/// <summary>What runs through models for a score, as far as texts and settings tell before any model runs.</summary>
/// <param name="Kind">The kind of pass, for people; empty where no model runs.</param>
/// <param name="Passes">How many; of a search, how many it usually takes.</param>
/// <param name="TokensPerPass">Tokens of one.</param>
/// <param name="IsSearch">Whether results decide how many there are.</param>
internal sealed record ScoreWork(string Kind, double Passes, long TokensPerPass, bool IsSearch = false)
{
    /// <summary>No model runs.</summary>
    public static readonly ScoreWork None = new("", 0, 0);

    /// <summary>Forward passes.</summary>
    public static ScoreWork Forward(double passes, long tokens, bool isSearch = false) => new("forward", passes, tokens, isSearch);

    /// <summary>One forward and backward pass.</summary>
    public static ScoreWork Backward(long tokens) => new("forward and backward", 1, tokens);

    /// <summary>Tokens of all passes.</summary>
    public long Tokens => (long)(Passes * TokensPerPass);

    /// <summary>For people.</summary>
    public override string ToString() => Passes == 0 ? "no pass" : string.Create(
        CultureInfo.InvariantCulture,
        $"{(IsSearch ? "about " : "")}{Passes:0} {Kind} pass{(Passes == 1 ? "" : "es")} × {TokensPerPass:N0} tokens");
}
