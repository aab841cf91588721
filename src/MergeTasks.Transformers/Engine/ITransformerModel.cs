using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Transformers.Engine;

/// <summary>
/// A loaded model. Calls on one model may not overlap. Every result depends only on the weights, the arguments and the machine, not on
/// the number of threads.
/// </summary>
internal interface ITransformerModel : IDisposable
{
    /// <summary>What the model is.</summary>
    ModelDescription Description { get; }

    /// <summary>Tokens that a batch should have for the engine to run at full speed, where there are as many; more bring nothing.</summary>
    int TokensPerRun { get; }

    /// <summary>The parameters by their names in the checkpoint. A tied output is no parameter of its own.</summary>
    IReadOnlyDictionary<string, ParameterValue> Parameters { get; }

    /// <summary>
    /// The same model with some parameters replaced: nothing is copied, and this model stays as it is and must outlive the result. Calls on
    /// both may not overlap, because layers before the first replaced parameter may run once for both.
    /// </summary>
    /// <param name="replacements">New values by name, of the shape of those that they replace.</param>
    /// <exception cref="ModelException">A name that the model lacks, or a shape that differs.</exception>
    ITransformerModel Replacing(IReadOnlyDictionary<string, ParameterValue> replacements);

    /// <summary>
    /// Runs all layers and shows the observer every module's input, the output head's included (its scores are not computed).
    /// </summary>
    /// <exception cref="ModelException"><see cref="ModelError.BadInput"/>.</exception>
    void Observe(TokenBatch batch, IActivationObserver observer, CancellationToken cancellation = default);

    /// <summary>The raw scores (logits) at some positions, one row of <see cref="ModelDescription.Outcomes"/> for each.</summary>
    /// <param name="batch">The sequences.</param>
    /// <param name="positions">Sequence and position; the position is ignored by classifiers.</param>
    /// <param name="cancellation">Ends the run between two matrix products.</param>
    /// <exception cref="ModelException"><see cref="ModelError.BadInput"/>.</exception>
    float[] Logits(TokenBatch batch, IReadOnlyList<(int Sequence, int Position)> positions, CancellationToken cancellation = default);

    /// <summary>The log-probabilities of some outcomes, in the order asked; weights are ignored.</summary>
    /// <exception cref="ModelException"><see cref="ModelError.BadInput"/>.</exception>
    IReadOnlyList<TargetScore> Score(TokenBatch batch, IReadOnlyList<Target> targets, CancellationToken cancellation = default);

    /// <summary>
    /// Computes S = Σ weight · log-probability over the targets, and hands out ∂S/∂p for every parameter p as it becomes final. The
    /// gradient of a mean cross-entropy loss over n targets is that of weights −1/n.
    /// </summary>
    /// <returns>What <see cref="Score"/> returns.</returns>
    /// <exception cref="ModelException"><see cref="ModelError.BadInput"/>.</exception>
    IReadOnlyList<TargetScore> Backward(
        TokenBatch batch, IReadOnlyList<Target> targets, IGradientReceiver receiver, CancellationToken cancellation = default);
}

/// <summary>Something that runs transformer models.</summary>
internal interface ITransformerEngine
{
    /// <summary>Changes whenever results may change in the last bits; part of the key of everything computed with the engine.</summary>
    string NumericsVersion { get; }

    /// <summary>
    /// Opens the model in a folder: <c>config.json</c> and safetensors weights, which stay mapped in their own element type.
    /// </summary>
    /// <exception cref="ModelException">The engine does not run this family or configuration, or the weights do not fit it.</exception>
    /// <exception cref="Checkpoints.Elements.CheckpointException">The files cannot be read or are malformed.</exception>
    ITransformerModel Load(string folder);

    /// <summary>Makes a model of a configuration and tensors of which no folder holds all.</summary>
    /// <param name="folder">What messages name.</param>
    /// <param name="configuration">The text of <c>config.json</c>.</param>
    /// <param name="tensors">All tensors by their names in a checkpoint; their memory must outlive the model.</param>
    /// <exception cref="ModelException">The engine does not run this family or configuration, or the tensors do not fit it.</exception>
    ITransformerModel Load(string folder, ReadOnlyMemory<byte> configuration, IReadOnlyDictionary<string, ParameterValue> tensors);
}
