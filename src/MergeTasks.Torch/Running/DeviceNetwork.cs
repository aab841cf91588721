using MergeTasks.Torch.Blocks;
using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Parameters;

namespace MergeTasks.Torch.Running;

/// <summary>The blocks of a model, bound to its parameters, of which nothing is on the device before a run.</summary>
internal sealed class DeviceNetwork
{
    /// <summary>Binds the parameters.</summary>
    public DeviceNetwork(TransformerSpec spec, ParameterSet names)
    {
        var tables = new ModelPart(names);
        Embedding = new DeviceEmbedding(spec.Embedding, tables, new ModelPart(names));
        Layers = [.. spec.Layers.Select(layer => new DeviceLayer(layer, new ModelPart(names)))];
        Head = new DeviceHead(spec.Head, new ModelPart(names));
        Parts = [tables, Embedding.Part, .. Layers.Select(layer => layer.Part), Head.Part];
        Width = spec.Embedding.Width;
    }

    /// <summary>The input tables.</summary>
    public DeviceEmbedding Embedding { get; }

    /// <summary>The layers.</summary>
    public IReadOnlyList<DeviceLayer> Layers { get; }

    /// <summary>The head.</summary>
    public DeviceHead Head { get; }

    /// <summary>The parameters of all.</summary>
    public IReadOnlyList<ModelPart> Parts { get; }

    /// <summary>Channels between the layers.</summary>
    public int Width { get; }
}
