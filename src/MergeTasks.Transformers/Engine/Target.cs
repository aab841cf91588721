namespace MergeTasks.Transformers.Engine;

/// <summary>An outcome whose log-probability is asked for.</summary>
/// <param name="Sequence">Index of the sequence in its batch.</param>
/// <param name="Position">
/// The position whose scores are meant: for a decoder the position <em>before</em> the token, for a masked language model its own; ignored
/// by classifiers, which score the whole sequence.
/// </param>
/// <param name="Outcome">Token id, or label index.</param>
/// <param name="Weight">Factor in the sum that <see cref="ITransformerModel.Backward"/> differentiates.</param>
internal readonly record struct Target(int Sequence, int Position, int Outcome, double Weight = 1);

/// <summary>What a model says about one <see cref="Target"/>.</summary>
/// <param name="LogProbability">Natural logarithm of the outcome's probability.</param>
/// <param name="Best">The most probable outcome at that position; the lowest index among equals.</param>
internal readonly record struct TargetScore(double LogProbability, int Best);
