using MergeTasks.Checkpoints.Elements;
using MergeTasks.Language.Importance;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Measuring;

namespace MergeTasks.Merging.Locating;

/// <summary>One fine-tuned model whose changes are to be dropped in part.</summary>
/// <param name="Scores">What decides.</param>
/// <param name="Tuned">θ_i.</param>
/// <param name="Base">θ_b.</param>
/// <param name="CastTo">A type that both are rounded to before changes are measured, as compatibility mode does; <see langword="null"/> for
/// none.</param>
/// <param name="Seed">Seed of random masks.</param>
/// <param name="Position">The model's position in the merge.</param>
internal sealed record LocatedModel(AplScores Scores, ModelInput Tuned, ModelInput Base, DType? CastTo, long Seed, int Position)
{
    /// <summary>What the result depends on, beside scores and settings.</summary>
    internal string Text(AplDeclaration apl) =>
        FormattableString.Invariant($"cast {CastTo}{(apl.Drop == DropRule.Random ? $" seed {Seed} position {Position}" : "")}");
}

/// <summary>Turns the importance of a model's parts into elements that are kept, at any density.</summary>
internal sealed class ChangeLocator : IDisposable
{
    private readonly LocatedModel _model;
    private readonly AplDeclaration _apl;
    private readonly ScoringContext _context;
    private readonly KeptSlopes _slopes;
    private readonly Lazy<RankSelection> _ranks;
    private readonly Dictionary<double, DeltaDrop> _drops = [];

    public ChangeLocator(LocatedModel model, AplDeclaration apl, ScoringContext context)
    {
        (_model, _apl, _context) = (model, apl, context);
        Importance = model.Scores.Read(apl, context);
        _slopes = model.Scores.OpenSlopes(context);
        _ranks = new(() => new RankSelection(model.Scores.Partition, context.Team, () => new RankReader(NewReader(), _slopes)));
    }

    /// <summary>The importance of all parts.</summary>
    public PartImportance Importance { get; }

    /// <summary>What is kept at a density, as it is; found once for each.</summary>
    /// <param name="density">Target density q.</param>
    public DeltaDrop At(double density) =>
        _drops.TryGetValue(density, out var known) ? known : _drops[density] = At(Keep(density), 1);

    /// <summary>How much is kept of each part at a density.</summary>
    public ModelKeep Keep(double density) => ModelKeep.Of(Importance, _apl, density);

    /// <summary>What is kept, by how much is of each part.</summary>
    public DeltaDrop At(ModelKeep keep, double scale)
    {
        var cuts = _apl.Drop == DropRule.Random ? null : _ranks.Value.Find(keep);
        return new DeltaDrop(_apl, _model.Scores.Partition, keep, cuts, _slopes, _model.Seed, _model.Position, scale);
    }

    /// <summary>Reads the model's changes on one thread.</summary>
    public DeltaReader NewReader() => new(_model.Tuned, _model.Base, _model.CastTo);

    public void Dispose() => _slopes.Dispose();
}
