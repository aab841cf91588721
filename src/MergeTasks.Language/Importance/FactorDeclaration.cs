using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Options;

namespace MergeTasks.Language.Importance;

/// <summary>One factor γ for the whole merged change: θ = θ_b + γ·(θ_m − θ_b).</summary>
/// <param name="Value">
/// γ; <see langword="null"/>: the smallest of a few whose mean recovery on the models' task data is within 0.01 of the best.
/// </param>
/// <param name="Location">Where it is asked for; the merge where it is the default.</param>
public sealed record FactorDeclaration(double? Value, SourceLocation Location)
{
    /// <summary>The option.</summary>
    public static IReadOnlyList<MergeOption<FactorDeclaration>> Options { get; } =
    [
        new MergeOption<FactorDeclaration, double?>(
            "MergeFactor", "", "merge_factor", OptionKind.Number(0, double.MaxValue).OrWord("task").OrWords(OptionKind.Off, 1), null,
            "One factor for the whole merged change: a number, off, or task, which chooses it on the models' task data. "
            + "Default: task where every model has task data and neither Lambda nor T is set, else off.",
            factor => factor.Value, (factor, value) => factor with { Value = value })
        {
            IsProjectWide = true,
            IsWritten = _ => true,
            DefaultText = null,
        },
    ];

    /// <summary>Whether it is asked for, and not the default of a merge whose models all have task data.</summary>
    public bool IsExplicit { get; init; } = true;

    /// <summary>The factor of a merge; <see langword="null"/>: 1.</summary>
    /// <param name="options">Reads the options.</param>
    /// <param name="usual">Where the merge is, if a factor is chosen for it unless it says otherwise.</param>
    internal static FactorDeclaration? Read(OptionReader options, SourceLocation? usual)
    {
        if (options.Find(Options[0]) is not { } written)
            return usual is null ? null : new FactorDeclaration(null, usual) { IsExplicit = false };
        var factor = options.Read(new FactorDeclaration(null, written.Location), Options);
        return factor.Value == 1 ? null : factor;
    }
}
