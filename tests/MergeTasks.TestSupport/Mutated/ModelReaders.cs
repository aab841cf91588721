using System.Buffers.Binary;
using System.Text;
using MergeTasks.Checkpoints.Adapters;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Merging.Devices.Elf;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Planning.Vocabularies;
using MergeTasks.Transformers.Configuration;
using MergeTasks.Transformers.Families;

namespace MergeTasks.TestSupport.Mutated;

/// <summary>Readers of a model's folder: weights, configurations, adapters and what lies beside them.</summary>
internal static class ModelReaders
{
    private const string Config =
        """{"architectures":["LlamaForCausalLM"],"model_type":"llama","torch_dtype":"float32","num_hidden_layers":2,"hidden_size":8,"intermediate_size":16,"num_attention_heads":2,"vocab_size":16,"bos_token_id":1,"eos_token_id":[2,3],"hidden_act":"silu","rms_norm_eps":1e-05,"layer_types":["full_attention","full_attention"],"max_window_layers":1,"rope_scaling":{"rope_type":"linear","factor":2.0},"text_config":{"dtype":"bfloat16","vocab_size":16},"tie_word_embeddings":false,"id2label":{"0":"no","1":"yes"},"quantization_config":{"quant_method":"fp8","weight_block_size":[128,128]},"a.b":1,"a":{"b":2}}""";

    private const string Header =
        """{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[4],"data_offsets":[8,12]}}""";

    private const string LoraHeader =
        """{"base_model.model.model.layers.0.q_proj.lora_A.weight":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"base_model.model.model.layers.0.q_proj.lora_B.weight":{"dtype":"F32","shape":[1,1],"data_offsets":[8,12]}}""";

    private const string Adapter =
        """{"peft_type":"LORA","r":8,"lora_alpha":16,"use_rslora":false,"rank_pattern":{"q_proj":4,"^layers\\.0\\.v":2},"alpha_pattern":{"q_proj":4},"init_lora_weights":true,"base_model_name_or_path":"a/b"}""";

    private const string LoraConfig = """{"peft_type":"LORA","r":1,"lora_alpha":2,"target_modules":["q_proj"]}""";

    private const string Card = "---\nlicense: other # none\nlicense_name: 'mine'\ntags: [a, b]\nbase_model:\n- a/b\n---\n# A model\n";

    private const string Code = "from .configuration_x import XConfig\nfrom . import a, b as c\nimport torch\n\nclass X(XConfig):\n    pass\n";

    public static IEnumerable<MutatedReader> In(string folder)
    {
        var plain = Directory.CreateDirectory(Path.Combine(folder, "model")).FullName;
        var coded = Directory.CreateDirectory(Path.Combine(folder, "coded")).FullName;
        var lora = Directory.CreateDirectory(Path.Combine(folder, "lora")).FullName;
        File.WriteAllText(Path.Combine(lora, "adapter_config.json"), LoraConfig);
        File.WriteAllText(
            Path.Combine(coded, "config.json"), """{"auto_map":{"AutoModel":"modeling_x.X","AutoConfig":["configuration_x.Y",null]}}""");
        File.WriteAllText(Path.Combine(coded, "configuration_x.py"), Code);
        string Put(string name, byte[] content) => MutatedReaders.Put(plain, name, content);

        yield return new("config", MutationKind.Json, Config, bytes =>
        {
            Put("config.json", bytes);
            var config = ModelConfig.Read(plain);
            _ = config.ModelType + config.Architecture;
            _ = config.With(DType.BF16).WithVocabularySize(20).WithTokenIds(id => id + 1);
            _ = ConfigLayers.BrokenPatterns(config, [new LayerOrigin(config, 1), new LayerOrigin(config, 0)]);
            _ = config.With(LayerStackKind.Main, 2, [new LayerOrigin(config, 1), new LayerOrigin(config, 0), new LayerOrigin(config, 1)]);
        });
        Put("config.json", Encoding.UTF8.GetBytes(Config));
        var other = ModelConfig.Read(plain);
        yield return new("compared config", MutationKind.Json, Config, bytes =>
        {
            Put("config.json", bytes);
            var config = ModelConfig.Read(plain);
            _ = ConfigComparison.Compare(config, other).Count + ConfigComparison.Compare(other, config).Count;
        });
        yield return new(
            "family",
            MutationKind.Json,
            MutatedReaders.FilesOf("tests/MergeTasks.Transformers.Tests/Data", "config.json", 4000),
            bytes => KnownFamilies.Describe(ConfigReader.Parse(bytes, "config.json")));
        yield return new(
            "generation config",
            MutationKind.Json,
            """{"bos_token_id":1,"eos_token_id":[2,3],"pad_token_id":null,"temperature":0.6,"nested":{"x_token_id":4}}""",
            bytes => ConfigTokenIds.Map(bytes, "generation_config.json", id => id + 1));
        yield return new(
            "index",
            MutationKind.Json,
            """{"metadata":{"total_size":8},"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors"}}""",
            bytes => ShardIndex.Parse(bytes, "index.json"));
        yield return new("header", MutationKind.Json, Header, bytes =>
        {
            var path = Put("x.safetensors", Framed(bytes));
            using var file = SafetensorsFile.Open(path);
            _ = WeightParts.Of(file);
        });
        yield return new("weights", MutationKind.Bytes, [Framed(Encoding.UTF8.GetBytes(Header))], bytes =>
        {
            var path = Put("x.safetensors", bytes);
            using var file = SafetensorsFile.Open(path);
            foreach (var tensor in file.Header.Tensors)
                file.Read(tensor.Offset, new byte[tensor.ByteLength]);
        });
        yield return new("adapter", MutationKind.Json, Adapter, bytes =>
        {
            Put("adapter_config.json", bytes);
            var config = AdapterConfig.Read(plain);
            _ = config.ScaleOf("model.layers.0.q_proj", 4) + config.RankOf("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
        });
        yield return new("adapter's weights", MutationKind.Json, LoraHeader, bytes =>
        {
            MutatedReaders.Put(lora, LoraAdapter.WeightsFileName, Framed(bytes));
            LoraAdapter.Open(lora).Dispose();
        });
        yield return new("side files", MutationKind.Json,
            """{"auto_map":{"AutoModel":"modeling_x.X","AutoTokenizer":["tokenization_x.T",null]},"vocab_file":"own.vocab","x":"b.json"}""", bytes =>
        {
            Put("config.json", bytes);
            _ = SideFiles.List(plain, []).Count + SideFiles.Foreign(plain, []).Count;
        })
        { ReadsAnything = true };
        yield return new("modules", MutationKind.Json,
            """[{"idx":0,"name":"0","path":"","type":"a.Transformer"},{"idx":1,"name":"1","path":"1_Pooling","type":"a.Pooling"}]""", bytes =>
        {
            MutatedReaders.Put(coded, "modules.json", bytes);
            _ = SideFiles.List(coded, []);
        })
        { ReadsAnything = true };
        yield return new("code", MutationKind.Bytes, Code, bytes =>
        {
            MutatedReaders.Put(coded, "modeling_x.py", bytes);
            _ = SideFiles.List(coded, []);
        });
        yield return new("card", MutationKind.Bytes, Card, bytes =>
        {
            Put("README.md", bytes);
            _ = string.Concat(ModelLicence.In(plain, "a").Select(licence => licence.Licence));
        })
        { ReadsAnything = true };
        yield return new("stop tokens", MutationKind.Json, """{"added_tokens_decoder":{"2":{"content":"</s>"}},"eos_token":{"content":"</s>"},"chat_template":"{{ x }}</s>","eos_token_id":[2]}""",
            bytes =>
        {
            SideFile[] files = [SideFile.Of("tokenizer_config.json", bytes), SideFile.Of("generation_config.json", bytes)];
            var tokens = new StopTokens(files, other);
            _ = tokens.Disagreement([tokens]);
        })
        { ReadsAnything = true };
        yield return new("library", MutationKind.Bytes,
            [TinyLibrary.Of("libm.so.6", "GLIBC_2.38", "exp", true), TinyLibrary.Of("libm.so.6", null, "exp", false)], bytes =>
        {
            try
            {
                using var library = ElfLibrary.Open(Put("x.so", bytes));
                _ = library.Needs.Count(library.Uses);
            }
            catch (InvalidDataException e)
            {
                throw new CheckpointException(CheckpointError.Malformed, "x.so", e.Message);
            }
        });
    }

    private static byte[] Framed(byte[] header)
    {
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        return [.. length, .. header, .. new byte[12]];
    }
}
