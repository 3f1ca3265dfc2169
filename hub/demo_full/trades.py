"""What companies of each sector are called and do, and what conferences are about: English and
Chinese side by side, by the slugs of ``hub.fair.defaults.SECTORS``."""

# Tables: rows are kept on one line, words in one text.
# ruff: noqa: E501, SIM905

from __future__ import annotations

from typing import Final, NamedTuple


class Trade(NamedTuple):
    """``words``: parts of names; ``does``: what they offer; ``topics``: what is talked about.
    Each entry is (English, Chinese)."""

    words: tuple[tuple[str, str], ...]
    does: tuple[tuple[str, str], ...]
    topics: tuple[tuple[str, str], ...]


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    """``English=中文`` separated by semicolons."""
    found = []
    for part in text.split(";"):
        english, _, chinese = part.strip().partition("=")
        found.append((english, chinese))
    return tuple(found)


TRADES: Final[dict[str, Trade]] = {
    "business": Trade(
        _pairs("Consulting=咨询;Advisory=顾问;Legal=法务;Audit=审计;Talent=人才;Software=软件;Data=数据"),
        _pairs("accounting and tax for companies abroad=为出海企业提供财税服务;contracts and arbitration"
               "=合同与仲裁服务;recruiting engineers=工程师招聘;software for small offices=面向小型企业的软件;"
               "market research in new markets=新市场调研"),
        _pairs("Contracts across borders=跨境合同;Hiring in a new market=新市场的人才招聘;Service trade rules="
               "服务贸易规则;Software as a service abroad=软件服务出海;Intellectual property=知识产权保护"),
    ),
    "communication": Trade(
        _pairs("Telecom=电信;Networks=网络;Cloud=云计算;Satellite=卫星通信;Mobile=移动;Digital=数字"),
        _pairs("private 5G networks for factories=工厂5G专网;cloud hosting in three regions=跨区域云托管;"
               "satellite links for ships=船舶卫星通信;call centres in twelve languages=十二种语言的呼叫中心;"
               "fibre planning for cities=城市光纤规划"),
        _pairs("5G in industry=5G与行业应用;Data across borders=数据跨境流动;Cloud for small firms=中小企业上云;"
               "Security of networks=网络安全;Artificial intelligence in service=人工智能与服务业"),
    ),
    "construction": Trade(
        _pairs("Construction=建设;Engineering=工程;Bridges=路桥;Design=设计;Survey=勘测;Structures=结构"),
        _pairs("bridges and tunnels=桥梁与隧道工程;schools built from modules=模块化学校建筑;supervision of "
               "sites=工程监理;drawings and models of buildings=建筑信息模型;restoring old houses=历史建筑修缮"),
        _pairs("Building with modules=模块化建筑;Green building=绿色建筑;Contracting abroad=对外承包工程;"
               "Digital site=智慧工地;Old towns, new uses=老城更新"),
    ),
    "distribution": Trade(
        _pairs("Trading=贸易;Retail=零售;Import=进口;Commerce=商贸;Wholesale=批发;Market=市集"),
        _pairs("food import and tasting=食品进口与品鉴;franchises for small towns=县域连锁加盟;cross-border "
               "online shops=跨境电商;spare parts overnight=零配件次日达;tea and coffee wholesale=茶叶咖啡批发"),
        _pairs("Cross-border online retail=跨境电商;Franchise in smaller cities=下沉市场连锁经营;Fresh food "
               "from afar=生鲜进口;Live selling=直播带货;Returns and repairs=退换与维修"),
    ),
    "education": Trade(
        _pairs("Education=教育;Academy=学院;Learning=学习;Training=培训;School=学校;Languages=语言"),
        _pairs("courses for nurses=护理培训课程;language exams online=在线语言考试;vocational schools=职业教育;"
               "study abroad advice=留学咨询;science kits for schools=校园科学实验包"),
        _pairs("Quality of online teaching=在线教育质量;Vocational training=职业教育合作;Studying abroad=留学新趋势;"
               "Exams without a hall=线上考试;Teachers and machines=教师与人工智能"),
    ),
    "environment": Trade(
        _pairs("Environment=环保;Water=水务;Recycling=再生资源;Energy=能源;Climate=气候;Clean=清洁"),
        _pairs("cleaning of waste water=污水处理;carbon accounts for exporters=出口企业碳核算;recycling of "
               "batteries=电池回收;sorting of waste=垃圾分类;measuring of air=空气质量监测"),
        _pairs("Carbon accounts=碳核算与碳交易;Water in cities=城市水务;Second life of batteries=电池梯次利用;"
               "Waste as material=垃圾资源化;Green finance=绿色金融"),
    ),
    "finance": Trade(
        _pairs("Finance=金融;Capital=资本;Insurance=保险;Payments=支付;Leasing=租赁;Trust=信托"),
        _pairs("payments for small exporters=小微外贸支付;insurance of cargo=货运保险;leasing of machines="
               "设备租赁;credit on orders=订单融资;settlement in local currency=本币结算"),
        _pairs("Cross-border payments=跨境支付与结算;Trade credit=贸易融资;Digital currency=数字货币;Insurance "
               "for new risks=新型风险保险;Green bonds=绿色债券"),
    ),
    "health": Trade(
        _pairs("Health=健康;Medical=医疗;Care=护理;Clinic=诊所;Life=生命科学;Biotech=生物"),
        _pairs("remote second opinions=远程会诊;care for the elderly=养老护理;traditional Chinese medicine="
               "中医药服务;laboratory tests=医学检验;rehabilitation after injuries=康复治疗"),
        _pairs("Traditional medicine abroad=中医药走出去;Care for the elderly=智慧养老;Remote medicine=远程医疗;"
               "Vaccines and supply=疫苗与供应;Health data=健康数据"),
    ),
    "tourism": Trade(
        _pairs("Travel=旅行;Tours=旅游;Hotels=酒店;Holidays=度假;Journeys=文旅;Cruises=邮轮"),
        _pairs("small group tours=小团定制游;hotels in old towns=古城酒店;rail journeys=铁路旅行;booking for "
               "business trips=商旅预订;guides in eight languages=八种语言的导游服务"),
        _pairs("Tourism that comes back=旅游业复苏;Villages and visitors=乡村旅游;Conferences and cities="
               "会展旅游;Visa and borders=签证便利化;Rail instead of air=铁路旅行"),
    ),
    "culture": Trade(
        _pairs("Culture=文化;Media=传媒;Studio=影业;Sports=体育;Arts=艺术;Games=游戏"),
        _pairs("films and dubbing=影视译制;museum shows that travel=博物馆巡展;winter sports equipment="
               "冰雪运动装备;publishing and translation=出版与翻译;games for learning=益智游戏"),
        _pairs("Winter sports and the city=冰雪运动与城市;Museums online=线上博物馆;Film together=影视合作;"
               "Games abroad=游戏出海;Crafts as a business=非遗与产业"),
    ),
    "transport": Trade(
        _pairs("Logistics=物流;Shipping=航运;Freight=货运;Express=快运;Ports=港口;Supply=供应链"),
        _pairs("rail freight to Europe=中欧班列货运;cold chain for fruit=水果冷链;customs in one day=一日通关;"
               "warehouses near ports=港口仓储;last mile by bicycle=自行车末端配送"),
        _pairs("Green logistics=绿色物流;Rail to Europe=中欧班列;Cold chain=冷链;Ports without paper=无纸化港口;"
               "Supply chains that hold=供应链韧性"),
    ),
    "other": Trade(
        _pairs("Services=服务;Solutions=方案;Works=工坊;Expo=会展;Events=活动;Facility=物业"),
        _pairs("stands and exhibitions=展台搭建;interpreting at meetings=会议口译;cleaning of offices=写字楼保洁;"
               "catering for events=活动餐饮;security of halls=场馆安保"),
        _pairs("Fairs after the pandemic=后疫情时代的会展;Interpreting and machines=口译与机器;Services for "
               "cities=城市公共服务;Standards for services=服务标准化;Small firms together=中小企业合作"),
    ),
}  # fmt: skip

#: How a conference approaches its topic.
FORMS: Final = _pairs(
    "Forum: =论坛：;Round table: =圆桌：;Workshop: =工作坊：;Dialogue: =对话：;Report: =发布：;Matchmaking: =对接会："
)
ANGLES: Final = _pairs(
    "cases from practice=实践案例;what changes next year=明年的变化;partners wanted=寻找合作伙伴;"
    "lessons from five cities=五城经验;questions and answers=问答;the next ten years=未来十年;"
    "for small companies=面向中小企业;standards and rules=标准与规则;a view from abroad=海外视角;"
    "figures and forecasts=数据与展望"
)
STEMS: Final = (
    "Astra Nova Orion Meridian Summit Harbor Cedar Lotus Delta Pioneer Vertex Aurora Bridge "
    "Canyon Falcon Garnet Horizon Ivory Jasper Keystone Lumen Mosaic Nimbus Oakwood Pacific "
    "Quartz Ridge Sterling Tundra Unity Vista Willow Zenith Amber Beacon Coral Drift Ember "
    "Fjord Glade"
).split()
CHINESE_STEMS: Final = (
    "华信 中泰 东方 瑞丰 博远 天成 金桥 恒达 新宇 海纳 盛世 长青 明德 锦程 同创 "
    "宏图 卓越 正源 汇通 启航 云帆 星河 文轩 安泰 联创 智汇 鼎盛 万川 君和 百川 "
    "晨光 嘉禾 国泰 兴业 远景 众诚 益康 润泽 腾跃 和信"
).split()
CHINESE_CITIES: Final = (
    "北京 上海 深圳 广州 杭州 成都 武汉 南京 厦门 天津 苏州 青岛 重庆 西安 长沙 "
    "宁波 大连 合肥 福州 昆明"
).split()
#: Endings of company names by ways of naming; others are "Ltd".
FORMS_OF_LAW: Final[dict[str, tuple[str, ...]]] = {
    "germanic": ("GmbH", "AG", "BV"), "nordic": ("AB", "AS"), "baltic": ("Oy", "UAB"),
    "romance": ("SA", "SRL", "SpA"), "spanish": ("SA", "SL"), "portuguese": ("Lda", "SA"),
    "japanese": ("Co., Ltd.", "KK"), "korean": ("Co., Ltd.",), "slavic": ("JSC", "d.o.o."),
    "english": ("Ltd", "Inc.", "Partners"), "indian": ("Pvt. Ltd.",), "arabic": ("LLC", "Group"),
}  # fmt: skip
