using MergeTasks.Checkpoints.Elements;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Measuring;
using MergeTasks.Methods.Contract;

namespace MergeTasks.Merging.Planning.Importance;

/// <summary>A merge whose models are measured, as the planners of its scores see it.</summary>
/// <param name="Declaration">The declaration.</param>
/// <param name="Method">Its method.</param>
/// <param name="Participants">The method's inputs in order.</param>
/// <param name="Base">The model from which changes are measured, θ_b.</param>
/// <param name="Outputs">Names of the output's tensors.</param>
/// <param name="Measurable">Knows what can be measured.</param>
internal sealed record ScoredMerge(
    MergeDeclaration Declaration,
    MergeMethod Method,
    IReadOnlyList<OpenModel> Participants,
    OpenModel Base,
    IReadOnlyList<string> Outputs,
    Measurable Measurable)
{
    /// <summary>
    /// The models whose changes are measured, with their indices: not θ_b itself, nor a base that the method only subtracts.
    /// </summary>
    public IEnumerable<(int Index, OpenModel Model)> Tuned => Participants.Index()
        .Where(pair => !pair.Item.Declaration.IsSameModel(Base.Declaration) && (Method.BaseIsParticipant || !IsMethodsBase(pair.Item)));

    /// <summary>The models that are merged, with their indices: the base too where it is one of them.</summary>
    public IEnumerable<(int Index, OpenModel Model)> Merged => Participants.Index().Where(pair => !IsMethodsBase(pair.Item));

    /// <summary>Whether θ_b has a floating-point tensor of a name and shape.</summary>
    public bool BaseHas(string name, IReadOnlyList<long> shape) => HasSame(Base.Input, name, shape);

    /// <summary>Whether a model has a floating-point tensor of a name and shape.</summary>
    public static bool HasSame(ModelInput model, string name, IReadOnlyList<long> shape) =>
        model.Find(name) is { } tensor && tensor.DType.IsFloatingPoint() && tensor.Shape.SequenceEqual(shape);

    /// <summary>Makes sure that models have samples of their tasks.</summary>
    /// <param name="who">Who needs them, for messages.</param>
    /// <param name="models">The models.</param>
    /// <exception cref="DiagnosticException">One for each that has none.</exception>
    public void RequireTaskData(string who, IEnumerable<OpenModel> models)
    {
        var missing = models.Where(model => model.Declaration.TaskData is null)
            .Select(model => Declaration.Error(
                DiagnosticCode.MissingScoringData,
                $"{who} needs samples of the task of '{model.Declaration.Label}'. "
                + "Name them with TaskData=\"…\" on its MergeSource, or 'task_data' in the recipe.",
                model.Declaration.Location)).ToList();
        if (missing.Count > 0)
            throw new DiagnosticException(missing);
    }

    private bool IsMethodsBase(OpenModel model) =>
        Method.TakesBase(Declaration.Base is not null) && model.Declaration.IsSameModel(Declaration.Base!);
}
