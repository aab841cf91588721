namespace MergeTasks.Checkpoints.Configuration;

/// <summary>Where a layer of a newly stacked model comes from.</summary>
/// <param name="Config">The configuration of the model that it is a layer of.</param>
/// <param name="Layer">Its number there, from 0.</param>
internal sealed record LayerOrigin(ModelConfig Config, int Layer);
