using MergeTasks.Language.Declarations;
using MergeTasks.Merging.Inputs;

namespace MergeTasks.Merging.Measuring;

/// <summary>How a merge and the models that it was made from differ from their base, tensor by tensor: one pass over all weights.</summary>
internal sealed record WeightChangesRequest : ScoreRequest
{
    private readonly IReadOnlyList<ComparedContents> _tensors;

    /// <summary>A comparison.</summary>
    /// <param name="key">What it depends on.</param>
    /// <param name="declaration">The model that is compared with.</param>
    /// <param name="tensors">The tensors.</param>
    public WeightChangesRequest(ScoreKey key, ModelDeclaration declaration, IReadOnlyList<ComparedContents> tensors)
        : base(key, declaration, null) => _tensors = tensors;

    /// <inheritdoc/>
    public override string Phase => "sizes of changes";

    /// <summary>The changes, computed first where the store lacks them.</summary>
    public IReadOnlyList<WeightChange> Result(ScoringContext context)
    {
        var numbers = ScoreFile.Read(context.PathOf(this));
        return [.. _tensors.Select(tensor => WeightChange.Unpack(tensor.Tensor, numbers[tensor.Tensor], tensor.Models.Count))];
    }

    internal override IEnumerable<ScoreList> Lists => _tensors.Select(tensor => new ScoreList(tensor.Tensor));

    internal override void Compute(ScoringContext context, string path)
    {
        context.Progress.Scoring(Model.Label, Phase, 0, "one pass over the weights");
        ScoreFile.Write(path, Key, [.. _tensors.Select(tensor =>
            (tensor.Tensor, WeightComparison.Of(
                tensor.Tensor, tensor.Elements, tensor.Base(), [.. tensor.Models.Select(open => open())], context.Team).Pack()))]);
    }
}

/// <summary>One tensor's contents, opened when they are read.</summary>
/// <param name="Tensor">Its name.</param>
/// <param name="Elements">Its elements.</param>
/// <param name="Base">θ_b.</param>
/// <param name="Models">θ_i.</param>
internal sealed record ComparedContents(
    string Tensor, long Elements, Func<TensorContent> Base, IReadOnlyList<Func<TensorContent>> Models);
